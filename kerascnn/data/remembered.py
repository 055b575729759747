"""What the headers of image files said, remembered by path, size and time of change.

A folder of a million images is opened with a look at each file's size and time, which takes a
minute; its headers are read once. What is remembered stands in the user's cache folder.
"""

import contextlib
import hashlib
import os
import zipfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from kerascnn.data.headers import read_header
from kerascnn.errors import UserError
from kerascnn.files import replacing

AT_A_TIME = 256  # files that a thread looks at in one go
FEW = 1000  # files, whose headers are read in less time than it takes to remember them
CACHE_VARIABLE = "KERASCNN_CACHE"  # the folder of what is remembered


def orientations_of(paths: np.ndarray) -> np.ndarray:
    """EXIF's orientation, 1 to 8, of image files, (n,) int8, from their headers.

    Args:
        paths: (n,) bytes.

    Raises:
        UserError: of the first that is no image, cut off, or too large.
    """
    if len(paths) < FEW:
        return np.array([*_at_once(_turn, paths)], np.int8)
    stamps = np.array([*_at_once(_stamp, paths)], np.int64)
    file = _cache_folder() / f"{_digest(paths)}.npz"
    known, turns = _recalled(file, stamps)
    unknown = paths[~known]
    turns[~known] = np.array([*_at_once(_turn, unknown)], np.int8)
    if len(unknown):
        with contextlib.suppress(UserError), replacing(file) as temporary:  # a cache, no more
            np.savez(temporary, stamps=stamps, turns=turns)
    return turns


def _turn(path):
    return read_header(os.fsdecode(path)).orientation


def _stamp(path):
    """Size and time of a file; of one that cannot be looked at, none: its header says why."""
    try:
        found = os.stat(path)  # noqa: PTH116, of a million names
    except OSError:
        return (-1, -1)
    return (found.st_size, found.st_mtime_ns)


def _at_once(function, paths) -> Iterable:
    portions = [paths[i : i + AT_A_TIME] for i in range(0, len(paths), AT_A_TIME)]
    with ThreadPoolExecutor() as pool:
        for found in pool.map(lambda portion: [function(path) for path in portion], portions):
            yield from found


def _cache_folder():
    own = os.environ.get(CACHE_VARIABLE)
    if own:
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "kerascnn"


def _digest(paths):
    return hashlib.sha256(b"\0".join(map(os.path.abspath, paths.tolist()))).hexdigest()[:32]


def _recalled(file, stamps):
    """(a mask of the files that are as they were, their orientations)."""
    nothing = np.zeros(len(stamps), bool), np.zeros(len(stamps), np.int8)
    try:
        with file.open("rb") as stream, np.load(stream, allow_pickle=False) as kept:
            before, turns = kept["stamps"], kept["turns"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return nothing
    sound = before.shape == stamps.shape and turns.shape == stamps.shape[:1]
    if not sound or turns.dtype != np.int8 or before.dtype != np.int64:
        return nothing
    known = (before == stamps).all(1) & (stamps[:, 0] >= 0) & (turns >= 1) & (turns <= 8)
    return known, turns

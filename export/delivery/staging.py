"""A folder for an app: verified files, each beside its metadata, and an index that lists them.

The index, models.json, is {"models": [{"name", "file", "metadata", "sha256", "bytes"}, ...]}: an
app reads it first, and from the metadata of a model what that takes and gives. It is written last,
so what it lists is there; while files are copied it lists no model, and the names of what may be
there under "staging", so that one who is interrupted can stage again.

An app that says in runtimes.json of that folder which versions it runs models by, {"runtimes":
{"TensorFlow Lite": "2.16.1", "ONNX opset": "23"}}, is given no file that needs a newer one.
"""

import re
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from kerascnn.config import parse
from kerascnn.errors import UserError
from kerascnn.files import read_json, replacing, writable_folder, write_bytes, write_json

from ..proof.metadata import metadata_path, read_metadata
from ..proof.schemas import PinnedRuntimes, Seal, StagingIndex, validated
from ..runtimes.engines import engine_name

INDEX = "models.json"
RUNTIMES = "runtimes.json"
VERSION = re.compile(r"[0-9]+(\.[0-9]+)*", re.ASCII)
LONGEST_NAME = 200  # bytes; with those of a temporary name, 255 are the most of a file system


@dataclass(frozen=True)
class Staged:
    """name: what an app may call it. file, metadata: their names within the folder."""

    name: str
    file: str
    metadata: str
    sha256: str
    bytes: int


def stage(files: Sequence[Path | str], folder: Path | str) -> list[Staged]:
    """Puts verified files where an app takes them from; what was staged there before goes.

    Args:
        files: .tflite and .onnx files that `deliver` wrote.
        folder: made where it is missing. Files in it that are not in its index stay as they are.

    Returns:
        A `Staged` for each file.

    Raises:
        UserError: a file without metadata, changed since it was verified, or that failed; one that
            needs a newer runtime than the app has; two of the same name; a file in the way that is
            not staged. Nothing is written then.
    """
    if not files:
        raise UserError("expected .tflite or .onnx files, got none")
    folder = Path(folder)
    before, pinned = _staged_in(folder), _pinned_in(folder)
    wanted = {}
    for path in map(Path, files):
        entry = _entry(path, pinned)
        if entry.file in wanted:
            raise UserError(
                f"{path}: would be staged as {entry.file}, as would {wanted[entry.file][0]}"
            )
        wanted[entry.file] = path, entry
    names = {name for _, entry in wanted.values() for name in (entry.file, entry.metadata)}
    for name in sorted(names - before):
        if (folder / name).exists():
            raise UserError(f"{folder / name}: is in the way, and was not staged; move it")
    writable_folder(folder)
    write_json(folder / INDEX, {"models": [], "staging": sorted(before | names)})
    for path, entry in wanted.values():
        with replacing(folder / entry.file) as temporary:
            shutil.copyfile(path, temporary)
        write_bytes(folder / entry.metadata, metadata_path(path).read_bytes())
    for name in before - names:
        (folder / name).unlink(missing_ok=True)
    staged = [entry for _, entry in wanted.values()]
    write_json(folder / INDEX, {"models": [asdict(entry) for entry in staged]})
    return staged


def _entry(path, pinned):
    engine_name(path)  # or it is no file that an app could run
    facts = validated(Seal, read_metadata(path), metadata_path(path), "kerascnn convert")
    if not facts.verified:
        raise UserError(f"{path}: did not pass its checks; convert it again")
    _refuse_newer(path, facts.minimum_runtime, pinned)
    stem = path.stem
    if stem.startswith("model_"):  # of a run, where all files are called so
        stem = f"{facts.model}{stem.removeprefix('model')}"
    if not _is_name(stem):
        raise UserError(f"{metadata_path(path)}: {facts.model!r} is no name; convert the run again")
    name = f"{stem}{path.suffix}"
    return Staged(stem, name, metadata_path(name).name, facts.sha256, facts.bytes)


def _pinned_in(folder):
    """The runtimes of the app that the folder is of, name to version; none where it says none."""
    path = folder / RUNTIMES
    if not path.exists():
        return {}
    pinned = parse(PinnedRuntimes, read_json(path), path).runtimes
    for name, version in pinned.items():
        if not VERSION.fullmatch(version):
            raise UserError(f"{path}: {name}: expected a version, as 2.16.1, got {version!r}")
    return pinned


def _refuse_newer(path, needed, pinned):
    """UserError where a file needs a newer runtime than the app has.

    needed: as metadata says it, "TensorFlow Lite 2.17.0" or "ONNX opset 23, IR version 11".
    """
    for runtime in (needed or "").split(", "):
        name, _, version = runtime.rpartition(" ")
        if name not in pinned or not VERSION.fullmatch(version):
            continue
        if _numbers(version) > _numbers(pinned[name]):
            raise UserError(
                f"{path}: needs {runtime}, the app has {name} {pinned[name]}; convert it to an "
                f"older one, or update the app and its {RUNTIMES}"
            )


def _numbers(version):
    """(2, 16, 1) of "2.16.1"; 2.16 and 2.16.0 are the same."""
    numbers = [int(part) for part in version.split(".")]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def _staged_in(folder):
    """The names of the files that the index in a folder lists."""
    if not (folder / INDEX).exists():
        return set()
    try:
        names = parse(StagingIndex, read_json(folder / INDEX), folder / INDEX).names
    except UserError as error:
        raise UserError(f"{error}; move it") from None
    if not all(_is_name(name) and not (folder / name).is_dir() for name in names):
        raise UserError(f"{folder / INDEX}: names folders or files elsewhere; move it")
    return names


def _is_name(text):
    """Whether this is the name of a file, and leads to no other folder."""
    if not text.isprintable() or len(text.encode()) > LONGEST_NAME:
        return False
    return text != "" and text == Path(text).name

"""Inputs for a file that is compared with a file: given arrays, images, or noise."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kerascnn.errors import UserError

from ..runtimes import Artifact
from ..runtimes.made_up import BYTES, TOKENS
from ..subject.images import arrays_in, image_stack
from .pairing import Wanted, pair

CALLS = 64  # of noise
OPEN = 32  # what noise takes for a size that neither file says


def arrays_for(
    file: Artifact,
    other: Artifact,
    evidence: Any,
    images: str | Path | None,
    names: Mapping[str, str] | None = None,
) -> tuple[list[np.ndarray], bool, bool]:
    """The inputs that two files are run on.

    Args:
        file: whose names and shapes count. other: the one it is compared with.
        evidence: an array an input of `file`: alone, in a list, or in a dict by names.
        names: name in `other` -> name in `file`.
        images: in its place an .npy or .npz file, or a folder of images for a file of uint8 pixels.

    Returns:
        (an array, (n, ...), an input, of real numbers; whether each of the n is a whole input;
        whether they are made up).

    Raises:
        UserError: arrays that are missing, of other shapes, or not finite.
    """
    calls = not (file.batched and other.batched)
    if evidence is None and images is not None:
        evidence = _stored(file, Path(images))
    if evidence is None:
        return _noise(file, other, calls, names), calls, True
    arrays = [np.asarray(x, "float32") for x in _in_order(file, evidence)]
    if not arrays:
        return [], True, False
    for end, x in zip(file.inputs, arrays, strict=True):
        wanted = end["shape"]
        fits = x.ndim == len(wanted) and all(
            n in (-1, m) for n, m in list(zip(wanted, x.shape, strict=True))[not calls :]
        )
        if not fits or not np.isfinite(x).all() or (x.ndim and not len(x)):
            size = ("n", *wanted[1:]) if not calls else tuple(wanted)
            raise UserError(
                f"{file.path}: input {end['name']} takes finite numbers of the shape {size}, got "
                f"{x.shape}"
            )
    if len({len(x) for x in arrays if not calls}) > 1:
        raise UserError(f"{file.path}: the arrays for its inputs are not of the same length")
    return [x[None] for x in arrays] if calls else arrays, calls, False


def noise(shape: Sequence[int], dtype: str, rng: np.random.Generator) -> np.ndarray:
    """Uniform noise as float32: any byte, 0 and 1 for truths and tokens, else -1..1."""
    if dtype in BYTES:
        limits = np.iinfo(dtype)
        values = rng.integers(limits.min, limits.max, shape, endpoint=True)
    elif np.dtype(dtype).kind in "iub":
        values = rng.integers(0, TOKENS, shape)
    else:
        values = rng.uniform(-1, 1, shape)
    return values.astype("float32")


def refuse_noise(*files: Artifact) -> None:
    """UserError for a file of integers: what it was calibrated for, noise is not."""
    for file in files:
        if file.content.arithmetic in ("int8", "int16x8"):
            raise UserError(
                f"{file.path}: computes in integers, whose ranges noise may leave; compare it on "
                "inputs like those that it was made for, --images FOLDER or FILE.npz"
            )


def sized(*shapes: Sequence[int]) -> list[int]:
    """The sizes that the first of these shapes with one has; `OPEN` where none has one."""
    return [next((n for n in sizes if n >= 0), OPEN) for sizes in zip(*shapes, strict=True)]


def _noise(file, other, calls, names):
    """Noise of fixed sizes for both files."""
    refuse_noise(file, other)
    rng, found = np.random.default_rng(0), []
    ends, theirs = file.content.inputs, other.content.inputs
    wanted = [Wanted(end.alias or end.name, end.shape, end.dtype) for end in ends]
    files = (file.path, other.path)
    matches = pair(wanted, theirs, what="input", files=files, names=names)
    for end, match in zip(ends, matches, strict=True):
        same = theirs[match.index]
        shape = sized(end.shape, match.shape_of_model(same.shape))
        if calls and end.shape and end.shape[0] < 0:
            shape[0] = max(1, same.shape[0])
        many = (CALLS, *shape) if calls else (CALLS, *shape[1:])
        found.append(noise(many, end.dtype, rng))
    return found


def _stored(file, path):
    if not path.is_dir():
        return arrays_in(path)
    (end, *more) = file.inputs or [None]
    if more or end is None or end["dtype"] != "uint8" or len(end["shape"]) != 4:
        raise UserError(
            f"{path}: images are for a file of one input of uint8 pixels, and {file.path} takes "
            f"others; give --images FILE.npz with the numbers that it takes"
        )
    return image_stack(path, tuple(end["shape"][1:]))


def _in_order(file, evidence):
    """An array for each input of a file."""
    ends = file.content.inputs
    if isinstance(evidence, Mapping):
        found = []
        for end in ends:
            known = [name for name in (end.alias, end.name) if name in evidence]
            if not known and len(ends) == len(evidence) == 1:
                known = list(evidence)
            if not known:
                raise UserError(
                    f"{file.path}: expected arrays {', '.join(e.alias or e.name for e in ends)}, "
                    f"got {', '.join(map(str, evidence))}"
                )
            found.append(evidence[known[0]])
        return found
    if hasattr(evidence, "shape"):
        evidence = [evidence]
    if len(evidence) != len(ends):
        raise UserError(f"{file.path}: expected {len(ends)} arrays, got {len(evidence)}")
    return list(evidence)

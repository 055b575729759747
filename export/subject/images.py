"""Samples for a .keras file: images of a folder, arrays in a file.

A model that begins with Rescaling or Normalization takes pixels, 0..255, and images are just that.
Any other takes the floats that it was trained on, which nobody but its owner can make of an image:
those come as arrays.
"""

from pathlib import Path

import keras
import numpy as np

from kerascnn.data import IMAGE_SUFFIXES, read_image
from kerascnn.errors import UserError
from kerascnn.files import readable_file
from kerascnn.models.graph import functional, output_names

from .samples import Samples

ZIP = b"PK"  # the first bytes of an .npz file
MOST = 1024  # samples that are used, spread evenly over those that are there
MOST_BYTES = 2**34  # of an array file
MOST_UNPACKED = 2**30  # bytes of an .npz file in memory; a thousandth of it may stand on the disk
MOST_ARRAYS = 64  # in an .npz file: inputs and targets
FEW = 3  # names that a complaint lists
TARGETS = ("y", "labels", "targets")  # what the targets of a model of one output may be called


def samples_from(path: Path, model: keras.Model, pixels: tuple[bool, ...]) -> Samples:
    """Reads samples for a model.

    Args:
        path: a folder of images (the folders in it too); an .npy file; or an .npz file of one
            array an input, by the names of the inputs where there are several. An array "labels",
            "y" or "targets", or one by the name of an output, is what the outputs should be.
        pixels: for each input of the model whether it takes pixels, 0..255.

    Raises:
        UserError: nothing there, nothing readable, or another shape or range.
    """
    path = Path(path)
    ends = functional(model).inputs
    if path.is_dir():
        if len(ends) > 1:
            raise UserError(
                f"{path}: the model takes {len(ends)} inputs; give an .npz file with an array for "
                f"each: {', '.join(end.name for end in ends)}"
            )
        return Samples((image_stack(path, tuple(ends[0].shape[1:]), pixels[0]),))
    stored = arrays_in(path)
    if isinstance(stored, dict):
        inputs, targets = _named(path, stored, model)
    else:
        inputs, targets = [stored], None
    if len(inputs) != len(ends):
        raise UserError(f"{path}: the model takes {len(ends)} inputs, the file has {len(inputs)}")
    count = len(inputs[0]) if inputs[0].ndim else 0
    if any(x.ndim == 0 or len(x) != count for x in (*inputs, *(targets or ()))):
        raise UserError(f"{path}: its arrays are not of the same length")
    rows = _spread(count)
    checked = [
        _checked(path, x, end, takes, rows)
        for x, end, takes in zip(inputs, ends, pixels, strict=True)
    ]
    if targets is not None:
        targets = tuple(np.asarray(y[rows]) for y in targets)
    return Samples(tuple(checked), targets)


def image_stack(path: Path | str, shape: tuple[int, ...], pixels: bool = True) -> np.ndarray:
    """The images of a folder, (n, *shape) uint8, stretched to `shape`.

    Raises:
        UserError: no image, or an input that takes no `pixels`, or none of such a shape.
    """
    if not pixels or len(shape) != 3 or shape[2] not in (1, 3) or None in shape:
        raise UserError(
            f"{path}: the model takes numbers of {shape}, and how images become those is not in "
            "it; begin it with a Rescaling layer, or give --images FILE.npy as the model takes them"
        )
    paths = sorted(p for p in Path(path).rglob("*") if p.suffix.lower() in IMAGE_SUFFIXES)
    if not paths:
        raise UserError(f"{path}: no image in it; expected {', '.join(sorted(IMAGE_SUFFIXES))}")
    return np.stack([read_image(paths[i], shape, "stretch") for i in _spread(len(paths))])


def _named(path, stored, model):
    """(inputs, targets or None) of an .npz file with several arrays."""
    names = [end.name for end in functional(model).inputs]
    ends = output_names(model)
    left = dict(stored)
    outputs = [left.pop(name) for name in ends if name in left]
    if not outputs and len(ends) == 1:
        outputs = [left.pop(name) for name in TARGETS if name in left][:1]
    targets = outputs if len(outputs) == len(ends) else None
    if all(name in left for name in names):
        return [left[name] for name in names], targets
    if len(left) == len(names) == 1:
        return list(left.values()), targets
    listed = ", ".join(list(stored)[:FEW]) + (", ..." if len(stored) > FEW else "")
    raise UserError(
        f"{path}: expected an .npz file with {'one array' if len(names) == 1 else 'the arrays '}"
        f"{'' if len(names) == 1 else ', '.join(names)}, got {len(stored)}: {listed[:200]}"
    )


def _checked(path, stored, end, pixels, rows):
    shape = tuple(end.shape[1:])
    fits = len(stored.shape) == len(shape) + 1 and all(
        n in (None, m) for n, m in zip(shape, stored.shape[1:], strict=True)
    )
    if stored.dtype.kind not in "iuf" or not fits or not len(stored):
        got = f"{str(stored.dtype)[:80]} {stored.shape}"
        sizes = ", ".join(map(str, shape))
        raise UserError(f"{path}: expected numbers of the shape (n, {sizes}), got {got}")
    values = np.asarray(stored[rows])
    with np.errstate(over="ignore"):  # a float64 beyond float32 becomes infinite: refused here
        finite = np.isfinite(values.astype("float32", copy=False)).all()
    if not finite:
        raise UserError(f"{path}: holds values that are not finite")
    if not pixels:
        return values.astype("float32")
    if values.min() < 0 or not 1 < values.max() <= 255:
        raise UserError(
            f"{path}: the model begins by normalizing pixels: expected 0..255, "
            f"got {values.min():g}..{values.max():g}"
        )
    return np.rint(values).astype(np.uint8)


def arrays_in(path: Path | str) -> np.ndarray | dict[str, np.ndarray]:
    """The array of an .npy file, which stays on the disk, or name -> array of an .npz file.

    Raises:
        UserError: no such file, or one that holds no arrays, too many or too large ones.
    """
    readable_file(path, most=MOST_BYTES)
    try:
        with Path(path).open("rb") as file:  # NumPy leaves a damaged archive open
            if file.read(2) == ZIP:
                file.seek(0)
                with np.load(file, allow_pickle=False) as stored:
                    return _arrays(path, stored)
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except UserError:
        raise
    except Exception as error:  # numpy, zipfile, zlib, tokenize and ast raise a dozen kinds
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise UserError(f"{path}: not an .npy or .npz array of numbers: {reason}") from None


def _arrays(path, archive):
    """name -> array of an open .npz file; UserError where it has many or unpacks to too much."""
    names = archive.files
    if not 1 <= len(names) <= MOST_ARRAYS:
        listed = ", ".join(names[:FEW]) + (", ..." if len(names) > FEW else "")
        raise UserError(
            f"{path}: expected an .npz file with an array an input, got {len(names)}: "
            f"{listed[:200]}"
        )
    unpacked = sum(member.file_size for member in archive.zip.infolist())
    if unpacked > MOST_UNPACKED:
        raise UserError(
            f"{path}: unpacks to {unpacked:,} bytes, expected at most {MOST_UNPACKED:,}; "
            "save it as .npy, of which only what is used is read"
        )
    found = {name: archive[name] for name in names}
    for name, array in found.items():
        if not isinstance(array, np.ndarray):
            raise UserError(f"{path}: its member {name[:80]!r} is not an array")
    return found


def _spread(count):
    """Indices of at most `MOST` of so many, evenly spread, in their order."""
    return np.unique(np.linspace(0, count - 1, min(MOST, count)).round().astype(int))

"""What a model of one's own is calibrated and compared on: images of a folder, an array, or noise.

A model that begins with Rescaling or Normalization takes pixels, 0..255, and images are just that.
Any other takes the floats that it was trained on, which nobody but its owner can make of an image:
those come as an array.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kerascnn.data import IMAGE_SUFFIXES, read_image
from kerascnn.errors import UserError
from kerascnn.files import readable_file

SYNTHETIC = 64  # images: enough to compare arithmetic on, not to calibrate or to judge labels
MOST = 1024  # of one's own images that are used, spread evenly over them
MOST_BYTES = 2**34  # of an array file


@dataclass(frozen=True)
class Inputs:
    """values: (n, *shape), uint8 pixels or float32. origin: for the sheet, where they are from."""

    values: np.ndarray
    origin: dict


def inputs_of(shape, pixels, images):
    """The `Inputs` of a model.

    Args:
        shape: of one input, as (height, width, channels).
        pixels: whether the model takes pixels, 0..255.
        images: a folder of images (the folders in it too), an .npy file or an .npz file of one
            array; None for seeded noise.

    Raises:
        UserError: nothing there, nothing readable, or another shape or range.
    """
    if images is None:
        return _noise(shape, pixels)
    path = Path(images)
    values = _folder(path, shape, pixels) if path.is_dir() else _array(path, shape, pixels)
    return _described(values, path.name)


def _described(values, source, **facts):
    digest = hashlib.sha256(values.tobytes()).hexdigest()
    return Inputs(values, {"from": source, "images": len(values), "sha256": digest, **facts})


def _noise(shape, pixels):
    rng = np.random.default_rng(0)
    if pixels:
        values = rng.integers(0, 256, (SYNTHETIC, *shape), np.uint8)
        return _described(values, "synthetic: uniform noise, 0..255", seed=0)
    values = rng.uniform(-1, 1, (SYNTHETIC, *shape)).astype("float32")
    return _described(values, "synthetic: uniform noise, -1..1", seed=0)


def _folder(path, shape, pixels):
    if not pixels or len(shape) != 3 or shape[2] not in (1, 3):
        raise UserError(
            f"{path}: the model takes floats of {shape}, and how images become those is not in it; "
            "begin it with a Rescaling layer, or give --images FILE.npy as the model takes them"
        )
    paths = sorted(p for p in path.rglob("*") if p.suffix.lower() in IMAGE_SUFFIXES)
    if not paths:
        raise UserError(f"{path}: no image in it; expected {', '.join(sorted(IMAGE_SUFFIXES))}")
    return np.stack([read_image(p, shape, "stretch") for p in _spread(paths)])


def _array(path, shape, pixels):
    readable_file(path, most=MOST_BYTES)
    try:
        stored = np.load(path, allow_pickle=False)
        if not isinstance(stored, np.ndarray):
            with stored:
                names = stored.files
                stored = stored[names[0]] if len(names) == 1 else None
    except Exception as error:  # of numpy, zipfile, zlib and tokenize: a dozen kinds
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(f"{path}: not an .npy or .npz array of numbers: {reason}") from None
    if stored is None:
        raise UserError(f"{path}: expected an .npz file with one array, got {', '.join(names)}")
    if not isinstance(stored, np.ndarray):
        raise UserError(f"{path}: expected an .npz file with an array, got {names[0]!r}")
    if stored.dtype.kind not in "iuf" or stored.shape[1:] != shape or not len(stored):
        got = f"{stored.dtype} {stored.shape}"
        raise UserError(f"{path}: expected numbers of the shape (n, *{shape}), got {got}")
    values = np.stack(_spread(stored)).astype("float32")
    if not np.isfinite(values).all():
        raise UserError(f"{path}: holds values that are not finite")
    if not pixels:
        return values
    if values.min() < 0 or not 1 < values.max() <= 255:
        raise UserError(
            f"{path}: the model begins by normalizing pixels: expected 0..255, "
            f"got {values.min():g}..{values.max():g}"
        )
    return np.rint(values).astype(np.uint8)


def _spread(items):
    """At most `MOST` of the items, evenly spread, in their order."""
    places = np.unique(np.linspace(0, len(items) - 1, min(MOST, len(items))).round().astype(int))
    return [items[i] for i in places]

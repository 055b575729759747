"""What pixels are normalized by, where a config asks for it to be computed from the images."""

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kerascnn.errors import UserError
from kerascnn.files import readable_file, replacing

FILE = "normalization.npz"  # in a run folder
MOST_IMAGES = 100_000  # that are looked at, spread evenly: more do not change a digit that counts
MOST_BYTES = 2**32
LEAST_STD = 1.0  # grey levels; a channel that never changes is not divided by nothing


@dataclass(frozen=True)
class Normalization:
    """(pixel - mean) / std, pixels in 0..255.

    mean: a number, a tuple of one a channel, or an array (height, width, channels). std: a number
    or a tuple of one a channel.
    """

    mean: Any
    std: Any


def computed(data: Any) -> Normalization:
    """The normalization that `data.config.normalize` asks for, from the training images.

    Images are looked at as the network sees them, but for the random transforms. Of more than
    100,000 images, so many are taken, spread evenly.
    """
    asked = data.config.normalize
    count = len(data.train)
    chosen = np.unique(np.linspace(0, count - 1, min(count, MOST_IMAGES)).round().astype(int))
    seen, total, squares = 0, np.zeros(data.shape), np.zeros(data.shape)
    for images, _ in data.plain_batches(data.train.take(chosen)):
        pixels = images.numpy().astype("float64")
        seen += len(pixels)
        total += pixels.sum(0)
        squares += (pixels**2).sum(0)
    means = total / seen
    channel_means = means.mean((0, 1))
    variances = (squares / seen).mean((0, 1)) - channel_means**2
    mean, std = asked.mean, asked.std
    if mean == "per_pixel":
        mean = means.astype("float32")
    elif mean == "from_data":
        mean = tuple(channel_means.tolist())
    if std == "from_data":
        std = tuple(np.sqrt(variances.clip(LEAST_STD**2)).tolist())
    return Normalization(mean, std)


def save(normalization: Normalization, folder: Path) -> None:
    """Writes normalization.npz into a run folder."""
    with replacing(folder / FILE) as temporary:
        np.savez(temporary, mean=normalization.mean, std=normalization.std)


def read(path: Path, shape: tuple[int, int, int]) -> Normalization:
    """Reads normalization.npz of a run; UserError where it does not fit images of `shape`."""
    path = readable_file(path, most=MOST_BYTES)
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as kept:
            mean, std = kept["mean"], kept["std"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        raise UserError(f"{path}: not what training wrote; train the run again") from None
    channels = shape[2:]
    if mean.shape not in ((), (1,), channels, shape) or std.shape not in ((), (1,), channels):
        raise UserError(f"{path}: {mean.shape} means, expected those of images of {shape}")
    for values in (mean, std):
        if values.dtype.kind != "f" or not np.isfinite(values).all():
            raise UserError(f"{path}: not numbers of pixels; train the run again")
    return Normalization(_as_written(mean), _as_written(std))


def _as_written(values):
    if values.ndim == 3:
        return values
    return tuple(values.tolist()) if values.ndim else float(values)

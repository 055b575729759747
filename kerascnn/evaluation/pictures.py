"""Pictures to evaluate on: image files, arrays in memory, a split of a run's data."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from kerascnn.config import Transform
from kerascnn.data import Data, Split, read_image, read_whole_image
from kerascnn.data.images import resize
from kerascnn.data.reading import read_stored
from kerascnn.errors import UserError

Shape = tuple[int, int, int]


class Pictures(Protocol):
    """So many pictures of any sizes, read when they are asked for.

    called: what a picture is called, by its number. whole: the picture as it was taken, (H, W,
    channels), 0..255. fitted: pictures at `shape`, brought to it by a rule of a config, "stretch"
    or "pad": (n, *shape).
    """

    def __len__(self) -> int: ...

    def called(self, index: int) -> str: ...

    def whole(self, index: int, channels: int) -> np.ndarray: ...

    def fitted(self, indices: Sequence[int], shape: Shape, rule: str) -> np.ndarray: ...


class FilePictures:
    """Image files, by their paths. transforms: of `data.evaluate`, for those that are fitted."""

    def __init__(self, paths: Sequence[Path], transforms: Sequence[Transform] = ()) -> None:
        self.paths, self.transforms = paths, transforms

    def __len__(self) -> int:
        return len(self.paths)

    def called(self, index: int) -> str:
        return str(self.paths[index])

    def whole(self, index: int, channels: int) -> np.ndarray:
        return read_whole_image(self.paths[index], channels)

    def fitted(self, indices: Sequence[int], shape: Shape, rule: str) -> np.ndarray:
        return np.stack([read_image(self.paths[i], shape, rule, self.transforms) for i in indices])


class ArrayPictures:
    """Pictures in memory, (n, H, W, channels); or what else a network takes, at its own shape."""

    def __init__(self, pixels: np.ndarray) -> None:
        self.pixels = pixels

    def __len__(self) -> int:
        return len(self.pixels)

    def called(self, index: int) -> str:
        return f"image {index}"

    def whole(self, index: int, channels: int) -> np.ndarray:
        return in_channels(self.pixels[index], channels)

    def fitted(self, indices: Sequence[int], shape: Shape, rule: str) -> np.ndarray:
        chosen = self.pixels[np.asarray(indices)]
        if len(shape) == chosen.ndim - 1 and all(
            wanted in (None, n) for wanted, n in zip(shape, chosen.shape[1:], strict=True)
        ):
            return chosen
        if chosen.ndim != 4 or len(shape) != 3 or None in shape:
            raise UserError(f"arrays of {chosen.shape[1:]} do not fit a model that takes {shape}")
        resized = np.asarray(resize(in_channels(chosen, shape[2]), shape, rule))
        return np.rint(resized).clip(0, 255).astype(np.uint8)


class TransformedPictures:
    """The images of a split, fitted as `data.evaluate` of their config says."""

    def __init__(self, data: Data, split: Split, plain: Pictures) -> None:
        self.data, self.split, self.plain = data, split, plain

    def __len__(self) -> int:
        return len(self.split)

    def called(self, index: int) -> str:
        return self.plain.called(index)

    def whole(self, index: int, channels: int) -> np.ndarray:
        return self.plain.whole(index, channels)

    def fitted(self, indices: Sequence[int], shape: Shape, rule: str) -> np.ndarray:
        if shape != self.data.shape:  # the transforms are meant for another size
            return self.plain.fitted(indices, shape, rule)
        return self.data.pixels(self.split.take(np.asarray(indices)))


class StoredPictures:
    """The images of a split that are read from shards, or drawn."""

    def __init__(self, split: Split) -> None:
        self.split = split

    def __len__(self) -> int:
        return len(self.split)

    def called(self, index: int) -> str:
        return self.split.images.name(index)

    def whole(self, index: int, channels: int) -> np.ndarray:
        return in_channels(read_stored(self.split, index, channels), channels)

    def fitted(self, indices: Sequence[int], shape: Shape, rule: str) -> np.ndarray:
        parts = [ArrayPictures(self.whole(i, shape[2])[None]) for i in indices]
        return np.concatenate([part.fitted([0], shape, rule) for part in parts])


def in_channels(pixels: np.ndarray, channels: int) -> np.ndarray:
    """Pixels (..., 1 or 3) in so many channels; grey is the luma of the three, as in JPEG."""
    if pixels.shape[-1] == channels:
        return pixels
    if channels == 3:
        return np.repeat(pixels, 3, axis=-1)
    luma = pixels.astype("float32") @ np.array([[0.2989], [0.5870], [0.1140]], "float32")
    return np.rint(luma).astype(pixels.dtype)


def pictures_of(data: Data, split: Split) -> Pictures:
    """The pictures of a split of a run's data, in its order."""
    if split.in_memory:
        plain = ArrayPictures(split.images)
    elif isinstance(split.images, np.ndarray):
        plain = FilePictures([Path(os.fsdecode(path)) for path in split.images])
    else:
        plain = StoredPictures(split)
    return TransformedPictures(data, split, plain) if data.config.evaluate else plain

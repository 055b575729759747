"""What a source of images gives: splits, and the names of their classes."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np


class Stored(Protocol):
    """Images that are neither an array nor files: each is read, or drawn, when it is asked for.

    encoded: what a fetcher gives is the bytes of an image file, not pixels.
    """

    encoded: bool

    def __len__(self) -> int: ...

    def __getitem__(self, indices: np.ndarray) -> "Stored":
        """Those images, by indices or by a mask."""
        ...

    def fetcher(self) -> Callable[[Any], Any]:
        """A function of a graph: index, () int64 -> bytes, or (height, width, channels) uint8."""
        ...

    def name(self, index: int) -> str:
        """What messages call an image."""
        ...


@dataclass(frozen=True)
class Split:
    """Images and what they show.

    images: (n, height, width, channels) uint8, or the paths of n image files, as bytes, or what
    is `Stored` elsewhere.
    labels: (n,) int32, an index into the names of the source.
    orientations: (n,) int8, EXIF's, 1 to 8, of image files; None of others.
    """

    images: Any
    labels: np.ndarray
    orientations: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, indices: np.ndarray) -> "Split":
        """Returns the split made of `indices`, in that order."""
        turns = None if self.orientations is None else self.orientations[indices]
        return Split(self.images[indices], self.labels[indices], turns)

    @property
    def in_memory(self) -> bool:
        return isinstance(self.images, np.ndarray) and self.images.ndim == 4


@dataclass(frozen=True)
class Source:
    """names: the classes in the order of their labels. shape: (height, width, channels).

    left_out: why files of a folder were not taken -> how many.
    validation: where the source has validation images of its own.
    """

    train: Split
    test: Split
    names: tuple[str, ...]
    shape: tuple[int, int, int] | None
    left_out: dict[str, int] = field(default_factory=dict)
    validation: Split | None = None

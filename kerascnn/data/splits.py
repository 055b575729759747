"""What a source of images gives: two splits, and the names of their classes."""

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Split:
    """Images and what they show.

    images: (n, height, width, channels) uint8, or the paths of n image files, as bytes.
    labels: (n,) int32, an index into the names of the source.
    orientations: (n,) int8, EXIF's, 1 to 8, of image files; None of others.
    """

    images: np.ndarray
    labels: np.ndarray
    orientations: np.ndarray | None = None

    def __len__(self):
        return len(self.labels)

    def take(self, indices):
        """Returns the split made of `indices`, in that order."""
        turns = None if self.orientations is None else self.orientations[indices]
        return Split(self.images[indices], self.labels[indices], turns)

    @property
    def in_memory(self):
        return self.images.ndim == 4


@dataclass(frozen=True)
class Source:
    """names: the classes in the order of their labels. shape: (height, width, channels).

    left_out: why files of a folder were not taken -> how many.
    """

    train: Split
    test: Split
    names: tuple[str, ...]
    shape: tuple[int, int, int] | None
    left_out: dict[str, int] = field(default_factory=dict)

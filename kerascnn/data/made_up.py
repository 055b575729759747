"""Images that nobody took: noise of any size, to measure throughput with."""

from collections.abc import Callable
from typing import Any

import numpy as np

from kerascnn.data.splits import Source, Split
from kerascnn.errors import UserError

POOL = 2**20  # bytes of noise that all images are cut from
STRIDE = 7919  # bytes between the images of two neighbours; a prime, so that they all differ


class Noise:
    """Images of noise, each a function of its number: cut from one pool, at the cost of a copy.

    numbers: (n,) int64. shape: (height, width, channels).
    """

    encoded = False

    def __init__(self, numbers: np.ndarray, shape: tuple[int, int, int]) -> None:
        self.numbers, self.shape = numbers, shape

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, indices: np.ndarray) -> "Noise":
        return Noise(self.numbers[indices], self.shape)

    def fetcher(self) -> Callable[[Any], Any]:
        """A function of a graph: index, () int64 -> (height, width, channels) uint8."""
        import tensorflow as tf

        size = int(np.prod(self.shape))
        noise = np.random.default_rng(0).integers(0, 256, POOL + size, np.uint8)
        pool, numbers = tf.constant(noise), tf.constant(self.numbers)
        return lambda index: tf.reshape(
            tf.slice(pool, [tf.math.floormod(numbers[index] * STRIDE, POOL)], [size]), self.shape
        )

    def name(self, index: int) -> str:
        return f"synthetic image {self.numbers[index]}"


def synthetic(
    shape: tuple[int, int, int] | None, classes: int | None = None, count: int | None = None
) -> Source:
    """Noise with labels in turn: `count` images to train on and a fifth as many to test on.

    Args:
        shape: (height, width, channels). classes: 10 by default. count: 1,000 by default.
    """
    if shape is None:
        raise UserError("data.size is missing: synthetic images need one, as [224, 224]")
    classes, count = classes or 10, count or 1000
    if count < 2 * classes:
        raise UserError(f"data.images: expected 2 a class at least, {2 * classes}, got {count}")
    numbers = np.arange(count + max(classes, count // 5))
    whole = Split(Noise(numbers, shape), (numbers % classes).astype(np.int32))
    width = len(str(classes - 1))
    names = tuple(f"class_{i:0{width}}" for i in range(classes))
    return Source(whole.take(numbers[:count]), whole.take(numbers[count:]), names, shape)

"""Pooling over all places of a map: one number a channel. (batch, *size, C) -> (batch, C)."""

from collections.abc import Sequence
from math import prod

import numpy as np


def global_average_pool(x: np.ndarray) -> np.ndarray:
    """The mean of every channel: Lin, Chen & Yan, "Network In Network", arXiv:1312.4400."""
    return x.mean(axis=tuple(range(1, x.ndim - 1)))


def global_average_pool_gradient(dy: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """Gradient of `global_average_pool`: each pixel gets an equal share.  -> (batch, *size, C)."""
    shape = (len(dy), *size, dy.shape[-1])
    share = dy / prod(size)
    return np.broadcast_to(share.reshape(len(dy), *(1,) * len(size), -1), shape).copy()


def global_max_pool(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The largest pixel of every channel, and where it lies, row by row; the first among equals.

    The value stays the same wherever the object moves: of an equivariant map it is invariant.
    """
    pixels = x.reshape(len(x), -1, x.shape[-1])
    indices = pixels.argmax(axis=1)
    return np.take_along_axis(pixels, indices[:, None], axis=1)[:, 0], indices


def global_max_pool_gradient(
    dy: np.ndarray, indices: np.ndarray, size: Sequence[int]
) -> np.ndarray:
    """Gradient of `global_max_pool`: the winner gets all of it.  -> (batch, *size, C)."""
    dx = np.zeros((len(dy), prod(size), dy.shape[-1]), dy.dtype)
    np.put_along_axis(dx, indices[:, None], dy[:, None], axis=1)
    return dx.reshape(len(dy), *size, dy.shape[-1])

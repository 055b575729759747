"""Max and average pooling, the ways back up, and the gradients of all.

Everywhere: x is (batch, *size, channels), with one, two or three axes of size; pool_size, strides
and padding are as in `Window.over`, and strides=None means pool_size. Padding never wins a maximum
and never counts in an average. More padding behind than in front, ((0, 1), (0, 1)), gives what
Caffe and PyTorch call ceil mode.
"""

from collections.abc import Sequence

import numpy as np

from kerascnn.errors import UserError
from kerascnn.numpy_ops.window import Padding, PerAxis, Window, per_axis


def max_pool(
    x: np.ndarray, pool_size: PerAxis, *, strides: PerAxis | None = None, padding: Padding = "valid"
) -> tuple[np.ndarray, np.ndarray]:
    """The largest pixel under every stop of the window, and where it lies.

    Args:
        x: (batch, *size, channels).

    Returns:
        y: (batch, *out, channels).
        indices: same shape; where the winner lies in its own channel of the image, counted row by
            row: row * width + column in two dimensions. Among equals the first wins.

    Raises:
        UserError: what `Window.over` raises; a window that sees only padding (or -inf).
    """
    x = 1.0 * x  # whole numbers have no -inf
    window = _pool_window(x.shape[1:-1], pool_size, strides, padding)
    patches = _flat(window.gather(x, fill=-np.inf), window)
    winner = patches.argmax(axis=-2, keepdims=True)
    positions = np.arange(np.prod(window.size)).reshape(1, *window.size, 1)
    positions = _flat(window.gather(positions, fill=-1), window)
    y = np.take_along_axis(patches, winner, axis=-2).squeeze(-2)
    indices = np.take_along_axis(positions, winner, axis=-2).squeeze(-2)
    if (indices < 0).any():
        raise UserError(
            f"max_pool: padding {window.pads} wins under a window of {window.kernel_size}; "
            "expected less padding than window, and pixels above -inf"
        )
    return y, indices


def max_pool_gradient(dy: np.ndarray, indices: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """Gradient of `max_pool`: each maximum sends its gradient to the winner, the others get none.

    (batch, *out, channels) twice -> (batch, *size, channels). A pixel that won under several
    overlapping windows gets the sum.
    """
    return max_unpool(dy, indices, size)


def min_pool(
    x: np.ndarray, pool_size: PerAxis, *, strides: PerAxis | None = None, padding: Padding = "valid"
) -> tuple[np.ndarray, np.ndarray]:
    """The smallest pixel under every stop, and where it lies: -max_pool(-x), with its errors."""
    y, indices = max_pool(-1.0 * x, pool_size, strides=strides, padding=padding)
    return -y, indices


def min_pool_gradient(dy: np.ndarray, indices: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """Gradient of `min_pool`: that of `max_pool`, for the two signs undo each other."""
    return max_pool_gradient(dy, indices, size)


def average_pool(
    x: np.ndarray, pool_size: PerAxis, *, strides: PerAxis | None = None, padding: Padding = "valid"
) -> np.ndarray:
    """The mean of the pixels under every stop.  (batch, *size, C) -> (batch, *out, C).

    Raises:
        UserError: what `Window.over` raises; a window that sees only padding.
    """
    window = _pool_window(x.shape[1:-1], pool_size, strides, padding)
    return _flat(window.gather(x), window).sum(axis=-2) / _pixels_seen(window, x.dtype)


def average_pool_gradient(
    dy: np.ndarray,
    size: Sequence[int],
    pool_size: PerAxis,
    *,
    strides: PerAxis | None = None,
    padding: Padding = "valid",
) -> np.ndarray:
    """Gradient of `average_pool`: every pixel gets an equal share of what its window sends.

    (batch, *out, C) -> (batch, *size, C). Arguments and errors of `average_pool`.
    """
    window = _pool_window(size, pool_size, strides, padding)
    window.check_output(dy, len(dy), dy.shape[-1])
    share = dy / _pixels_seen(window, dy.dtype)
    one_pixel = share.reshape(*share.shape[:-1], *(1,) * len(window.size), share.shape[-1])
    shape = (*share.shape[:-1], *window.kernel_size, share.shape[-1])
    return window.scatter(np.broadcast_to(one_pixel, shape))


def max_unpool(y: np.ndarray, indices: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """Puts every value where `max_pool` found its maximum, and zero elsewhere.

    (batch, *out, C) twice -> (batch, *size, C). Where windows overlap and share a winner, the
    values add up, which makes this the gradient of `max_pool`. Zeiler & Fergus, arXiv:1311.2901,
    section 2.1; with the encoder's indices, as here, Badrinarayanan et al., arXiv:1511.00561.

    Raises:
        UserError: y and indices of different shapes, an index outside of size.
    """
    batch, channels = y.shape[0], y.shape[-1]
    pixels = int(np.prod(size))
    if y.shape != indices.shape or indices.min() < 0 or indices.max() >= pixels:
        raise UserError(
            f"indices: expected shape {y.shape}, 0 to {pixels - 1} for size {tuple(size)}, "
            f"got shape {indices.shape}, {indices.min()} to {indices.max()}"
        )
    x = np.zeros((batch, pixels, channels), y.dtype)
    image, channel = np.arange(batch)[:, None, None], np.arange(channels)
    values = y.reshape(batch, -1, channels)
    np.add.at(x, (image, indices.reshape(values.shape), channel), values)
    return x.reshape(batch, *size, channels)


def max_unpool_gradient(dx: np.ndarray, indices: np.ndarray) -> np.ndarray:
    """Gradient of `max_unpool`: reads dx at the indices.  (batch, *size, C) -> (batch, *out, C)."""
    batch, channels = dx.shape[0], dx.shape[-1]
    pixels = dx.reshape(batch, -1, channels)
    places = indices.reshape(batch, -1, channels)
    return np.take_along_axis(pixels, places, axis=1).reshape(indices.shape)


def nearest_unpool(x: np.ndarray, factors: PerAxis) -> np.ndarray:
    """Repeats every pixel `factors` times.  (batch, *size, C) -> (batch, *(size * factors), C).

    factors: one number, or one an axis. Raises UserError for another count, or below one.
    """
    for axis, factor in enumerate(per_axis("factors", factors, x.ndim - 2), start=1):
        x = x.repeat(factor, axis)
    return x


def nearest_unpool_gradient(dy: np.ndarray, factors: PerAxis) -> np.ndarray:
    """Gradient of `nearest_unpool`: a pixel sums over its copies.  The shapes reversed."""
    window = Window.over(dy.shape[1:-1], factors, strides=factors)
    return _flat(window.gather(dy), window).sum(axis=-2)


def _pool_window(size, pool_size, strides, padding):
    strides = pool_size if strides is None else strides
    return Window.over(size, pool_size, strides=strides, padding=padding)


def _flat(patches, window):
    """(batch, *out, *kernel, C) -> (batch, *out, prod(kernel), C)."""
    return patches.reshape(len(patches), *window.out, -1, patches.shape[-1])


def _pixels_seen(window, dtype):
    """How many pixels of the image, not of the padding, each stop sees: (1, *out, 1)."""
    seen = _flat(window.gather(np.ones((1, *window.size, 1), dtype)), window).sum(axis=-2)
    if seen.min() == 0:
        raise UserError(
            f"average_pool: with padding {window.pads} a window of {window.kernel_size} sees "
            "only padding; expected less padding than window"
        )
    return seen

"""Convolution as one matrix product (im2col), its gradients, and depthwise convolution.

What the kernel sees at one stop is laid out as a row; the rows of all stops form a matrix, and
each filter is a column of another. Chellapilla, Puri & Simard, "High Performance Convolutional
Neural Networks for Document Processing", IWFHR 2006.
"""

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from kerascnn.errors import UserError
from kerascnn.numpy_ops.window import Gradients, Padding, PerAxis, Window

# How much of the matrix is made at a time, in numbers: it should be multiplied while still in the
# cache. All of a batch would be written to memory first, which costs more than the product.
BLOCK = 2**18


def conv(
    x: np.ndarray,
    kernel: np.ndarray,
    bias: np.ndarray | None = None,
    *,
    strides: PerAxis = 1,
    padding: Padding = "valid",
    dilation_rate: PerAxis = 1,
    groups: int = 1,
    flip_kernel: bool = False,
) -> np.ndarray:
    """Convolution over one, two or three axes.

    y[n, i, f] = bias[f] + sum over a, c of kernel[a, c, f] x[n, s i + d a - p, c]

    with stride s, dilation d and p zeros in front; i and a run over all axes of size. With groups,
    filters and channels are cut into as many equal parts, and filter f sees the channels of its
    own part.

    Args:
        x: (batch, *size, channels).
        kernel: (*kernel_size, channels / groups, filters).
        bias: (filters,), or None.
        strides, padding, dilation_rate: as in `Window.over`.
        groups: divides channels and filters.
        flip_kernel: False multiplies as above: cross-correlation, which networks call
            convolution. True mirrors the kernel along every axis of size first: the convolution
            of mathematics, as `np.convolve`.

    Returns:
        y: (batch, *out, filters).

    Raises:
        UserError: shapes that do not go together; what `Window.over` raises.
    """
    window = conv_window(x.shape, kernel.shape, strides, padding, dilation_rate, groups)
    matrix = _matrix(mirror(kernel) if flip_kernel else kernel, groups)
    bias = np.zeros(kernel.shape[-1], kernel.dtype) if bias is None else bias
    y = np.empty((len(x), *window.out, kernel.shape[-1]), np.result_type(x, kernel, bias))
    for image, patches in enumerate(window.gather(x)):
        step = max(1, BLOCK // prod(patches.shape[1:]))
        for first in range(0, len(patches), step):
            block = slice(first, first + step)
            rows = _rows(patches[block], groups, len(window.size))
            y[image, block] = _join_groups(rows @ matrix).reshape(y[image, block].shape) + bias
    return y


def conv_gradients(
    dy: np.ndarray,
    x: np.ndarray,
    kernel: np.ndarray,
    *,
    strides: PerAxis = 1,
    padding: Padding = "valid",
    dilation_rate: PerAxis = 1,
    groups: int = 1,
    flip_kernel: bool = False,
) -> Gradients:
    """Gradients of `conv`, whose arguments it takes.

    dbias[f] = sum over n, i of dy[n, i, f]; dx and dkernel as the two functions below.

    Args:
        dy: (batch, *out, filters).

    Returns:
        dx, dkernel, dbias: of the shapes of x, kernel and bias.

    Raises:
        UserError: shapes that do not go together; what `Window.over` raises.
    """
    options: dict[str, Any] = dict(
        strides=strides, padding=padding, dilation_rate=dilation_rate, groups=groups
    )
    weights = mirror(kernel) if flip_kernel else kernel
    dx = conv_input_gradient(dy, weights, x.shape[1:-1], **options)
    dweights = conv_kernel_gradient(dy, x, kernel.shape[:-2], **options)
    dkernel = mirror(dweights) if flip_kernel else dweights
    return dx, dkernel, dy.sum(axis=tuple(range(dy.ndim - 1)))


def conv_input_gradient(
    dy: np.ndarray,
    kernel: np.ndarray,
    size: Sequence[int],
    *,
    strides: PerAxis = 1,
    padding: Padding = "valid",
    dilation_rate: PerAxis = 1,
    groups: int = 1,
) -> np.ndarray:
    """Gradient of `conv` with respect to its input.

    dx[n, j, c] = sum over f and all i, a with s i + d a - p = j of kernel[a, c, f] dy[n, i, f]

    (batch, *out, filters) -> (batch, *size, channels). `size` is asked for because with a stride
    several sizes have the same number of stops. Arguments and errors of `conv`.
    """
    shape = (len(dy), *size, kernel.shape[-2] * groups)
    window = conv_window(shape, kernel.shape, strides, padding, dilation_rate, groups)
    window.check_output(dy, len(dy), kernel.shape[-1])
    rows = _rows(dy, groups, 1 + len(size)) @ _matrix(kernel, groups).swapaxes(1, 2)
    patches = rows.reshape(groups, len(dy), *window.out, *window.kernel_size, kernel.shape[-2])
    return window.scatter(_join_groups(patches))


def conv_kernel_gradient(
    dy: np.ndarray,
    x: np.ndarray,
    kernel_size: Sequence[int],
    *,
    strides: PerAxis = 1,
    padding: Padding = "valid",
    dilation_rate: PerAxis = 1,
    groups: int = 1,
) -> np.ndarray:
    """Gradient of `conv` with respect to its kernel: a weight is shared by all stops, so it sums.

    dkernel[a, c, f] = sum over n, i of x[n, s i + d a - p, c] dy[n, i, f]

    (batch, *out, filters), (batch, *size, channels) -> (*kernel_size, channels / groups, filters).
    Arguments and errors of `conv`.
    """
    shape = (*kernel_size, x.shape[-1] // groups, dy.shape[-1])
    window = conv_window(x.shape, shape, strides, padding, dilation_rate, groups)
    window.check_output(dy, len(x), dy.shape[-1])
    stops = 1 + len(window.size)
    rows = _rows(window.gather(x), groups, stops)
    matrix = rows.swapaxes(1, 2) @ _rows(dy, groups, stops)
    return _join_groups(matrix.reshape(groups, *shape[:-1], -1))


def depthwise_conv(
    x: np.ndarray,
    kernel: np.ndarray,
    bias: np.ndarray | None = None,
    *,
    strides: PerAxis = 1,
    padding: Padding = "valid",
    dilation_rate: PerAxis = 1,
) -> np.ndarray:
    """Depthwise convolution: every channel has filters of its own, and sees no other channel.

    y[n, i, c m + j] = bias[c m + j] + sum over a of kernel[a, c, j] x[n, s i + d a - p, c]

    It is `conv` with as many groups as channels.

    Args:
        x: (batch, *size, channels).
        kernel: (*kernel_size, channels, m), with m filters for each channel.
        bias: (channels * m,), or None.
        strides, padding, dilation_rate: as in `Window.over`.

    Returns:
        y: (batch, *out, channels * m).

    Raises:
        UserError: shapes that do not go together; what `Window.over` raises.
    """
    options: dict[str, Any] = dict(strides=strides, padding=padding, dilation_rate=dilation_rate)
    return conv(x, _depthwise_as_grouped(kernel), bias, groups=kernel.shape[-2], **options)


def depthwise_conv_gradients(
    dy: np.ndarray,
    x: np.ndarray,
    kernel: np.ndarray,
    *,
    strides: PerAxis = 1,
    padding: Padding = "valid",
    dilation_rate: PerAxis = 1,
) -> Gradients:
    """Gradients of `depthwise_conv`: dx, dkernel, dbias. Arguments and errors of that."""
    options: dict[str, Any] = dict(strides=strides, padding=padding, dilation_rate=dilation_rate)
    grouped = _depthwise_as_grouped(kernel)
    dx, dgrouped, dbias = conv_gradients(dy, x, grouped, groups=kernel.shape[-2], **options)
    return dx, dgrouped.reshape(kernel.shape), dbias


def mirror(kernel: np.ndarray) -> np.ndarray:
    """Turns the kernel round along every axis of size, not along channels and filters."""
    return np.flip(kernel, axis=tuple(range(kernel.ndim - 2)))


def conv_window(
    shape: tuple[int, ...],
    kernel_shape: tuple[int, ...],
    strides: PerAxis,
    padding: Padding,
    dilation_rate: PerAxis,
    groups: int,
) -> Window:
    """Returns the window of a kernel over an x of `shape`, once the two are known to fit."""
    if len(shape) != len(kernel_shape) or len(shape) not in (3, 4, 5):
        raise UserError(
            "expected x (batch, *size, channels) and a kernel (*kernel_size, channels, filters) "
            f"with one to three axes of size, got shapes {tuple(shape)} and {kernel_shape}"
        )
    *kernel_size, channels, filters = kernel_shape
    if groups < 1 or shape[-1] != channels * groups or filters % groups:
        raise UserError(
            f"groups={groups}: expected a kernel (*kernel_size, channels / groups, filters) for "
            f"the {shape[-1]} channels of x, filters a multiple of groups, got {kernel_shape}"
        )
    options: dict[str, Any] = dict(strides=strides, padding=padding, dilation_rate=dilation_rate)
    return Window.over(shape[1:-1], kernel_size, **options)


def _depthwise_as_grouped(kernel):
    """(*kernel_size, channels, m) -> (*kernel_size, 1, channels * m)."""
    return kernel.reshape(*kernel.shape[:-2], 1, -1)


def _matrix(kernel, groups):
    """One column a filter.  -> (groups, prod(kernel_size) * channels, filters), of one group."""
    return _split_groups(kernel, groups).reshape(groups, -1, kernel.shape[-1] // groups)


def _rows(patches, groups, stop_axes):
    """One row a stop.  (*stops, ..., channels) -> (groups, prod(stops), rest of one group)."""
    stops = np.prod(patches.shape[:stop_axes], dtype=int)
    return _split_groups(patches, groups).reshape(groups, stops, -1)


def _split_groups(x, groups):
    """(..., groups * n) -> (groups, ..., n)."""
    return np.moveaxis(x.reshape(*x.shape[:-1], groups, -1), -2, 0)


def _join_groups(x):
    """(groups, ..., n) -> (..., groups * n)."""
    x = np.moveaxis(x, 0, -2)
    return x.reshape(*x.shape[:-2], -1)

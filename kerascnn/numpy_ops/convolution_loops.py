"""Convolution, written as it is defined: one output number after the other."""

import numpy as np

from kerascnn.numpy_ops.convolution import conv_window, mirror
from kerascnn.numpy_ops.window import Gradients, Padding, PerAxis


def conv_loops(
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
    """Convolution by loops: formula, shapes, arguments and errors of `conv`, and slow."""
    window = conv_window(x.shape, kernel.shape, strides, padding, dilation_rate, groups)
    weights = mirror(kernel) if flip_kernel else kernel
    padded = window.pad(x)
    y = np.zeros((len(x), *window.out, kernel.shape[-1]), np.result_type(x, kernel))
    for index, seen, f in _outputs(y.shape, window, kernel, groups):
        y[index] = np.sum(padded[seen] * weights[..., f])
    return y if bias is None else y + bias


def conv_loops_gradients(
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
    """Gradients of `conv_loops` by loops: shapes, arguments and errors of `conv_gradients`.

    Every output is a sum of products weight * pixel. So it sends to each pixel it has seen its
    own gradient times the weight, and to each weight its own gradient times the pixel; and since
    all outputs of a filter share the filter's weights, a weight adds up what they send.
    """
    window = conv_window(x.shape, kernel.shape, strides, padding, dilation_rate, groups)
    window.check_output(dy, len(x), kernel.shape[-1])
    weights = mirror(kernel) if flip_kernel else kernel
    padded = window.pad(x)
    dpadded = np.zeros(padded.shape, np.result_type(dy, kernel))
    dweights = np.zeros(kernel.shape, np.result_type(dy, x))
    dbias = np.zeros(kernel.shape[-1], dy.dtype)
    for index, seen, f in _outputs(dy.shape, window, kernel, groups):
        dpadded[seen] += dy[index] * weights[..., f]
        dweights[..., f] += dy[index] * padded[seen]
        dbias[f] += dy[index]
    return window.crop(dpadded), mirror(dweights) if flip_kernel else dweights, dbias


def _outputs(shape, window, kernel, groups):
    """Yields for every output number its index, what it sees of the padded x, and its filter."""
    channels = kernel.shape[-2]
    filters_of_a_group = kernel.shape[-1] // groups
    for index in np.ndindex(shape):
        image, *stop, f = index
        first = f // filters_of_a_group * channels
        yield index, (image, *window.slices(stop), slice(first, first + channels)), f

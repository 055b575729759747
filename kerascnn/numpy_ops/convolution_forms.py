"""Convolution in three other forms: through the Fourier transform, as a matrix, as a Dense layer.

Each equals `conv`. They show what a convolution is: a product in the frequency domain, a linear map
whose matrix has equal diagonals, a fully connected layer most of whose weights are zero and the
rest of which are shared.
"""

from functools import reduce
from math import prod
from typing import Any

import numpy as np

from kerascnn.numpy_ops.convolution import conv_window
from kerascnn.numpy_ops.window import Padding, PerAxis


def conv_fft(
    x: np.ndarray,
    kernel: np.ndarray,
    bias: np.ndarray | None = None,
    *,
    strides: PerAxis = 1,
    padding: Padding = "valid",
    dilation_rate: PerAxis = 1,
    groups: int = 1,
) -> np.ndarray:
    """`conv` by the convolution theorem: transform, multiply, transform back.

    y = IFFT(FFT(x) conj(FFT(kernel))), summed over channels

    The conjugate mirrors the kernel, which makes the product a cross-correlation. It costs
    n log n for n pixels whatever the kernel's size, and so pays for large kernels; a stride saves
    nothing, for all stops are computed and the others dropped. Arguments, shapes and errors of
    `conv`; float64 inside.

    Source: Mathieu, Henaff & LeCun, "Fast Training of Convolutional Networks through FFTs",
    arXiv:1312.5851.
    """
    window = conv_window(x.shape, kernel.shape, strides, padding, dilation_rate, groups)
    rank = len(window.size)
    dilated = np.zeros((*window.reach, *kernel.shape[-2:]), kernel.dtype)
    dilated[tuple(slice(None, None, d) for d in window.dilation_rate)] = kernel
    padded = window.pad(x)
    sizes, axes = padded.shape[1:-1], tuple(range(1, rank + 1))
    of_x = np.fft.rfftn(padded, sizes, axes=axes)
    of_kernel = np.fft.rfftn(ungrouped(dilated, groups), sizes, axes=tuple(range(rank)))
    product = np.einsum("n...c,...cf->n...f", of_x, of_kernel.conj())
    every_stop = np.fft.irfftn(product, sizes, axes=axes)
    stops = (slice(0, s * (n - 1) + 1, s) for n, s in zip(window.out, window.strides, strict=True))
    y = every_stop[(slice(None), *stops)].astype(np.result_type(x, kernel))
    return y if bias is None else y + bias


def toeplitz_matrix(
    kernel: np.ndarray,
    size: tuple[int, ...],
    *,
    strides: PerAxis = 1,
    padding: Padding = "valid",
    dilation_rate: PerAxis = 1,
    groups: int = 1,
) -> np.ndarray:
    """The matrix of a convolution: conv(x, kernel)[n].ravel() = matrix @ x[n].ravel().

    matrix = sum over taps a of S1[a1] (x) S2[a2] (x) ... (x) kernel[a]^T

    (x) is the Kronecker product, and S[a], (out, size), selects the pixel that tap a sees at each
    stop. Of one axis, one channel and stride 1 it is a Toeplitz matrix, of equal diagonals; of two
    axes its blocks are. Its transpose is the matrix of the transposed convolution.

    Args:
        kernel: (*kernel_size, channels / groups, filters).
        size: of the image, one number an axis.
        strides, padding, dilation_rate, groups: as of `conv`.

    Returns:
        (prod(out) * filters, prod(size) * channels), most of it zeros.

    Raises:
        UserError: what `conv` raises.
    """
    full = ungrouped(kernel, groups)
    shape = (1, *size, full.shape[-2])
    window = conv_window(shape, full.shape, strides, padding, dilation_rate, 1)
    matrix: Any = 0.0
    for tap in np.ndindex(window.kernel_size):
        selections = [_selection(window, axis, a) for axis, a in enumerate(tap)]
        matrix = matrix + np.kron(reduce(np.kron, selections), full[tap].T)
    return matrix


def shared_dense_weights(
    kernel: np.ndarray,
    size: tuple[int, ...],
    *,
    strides: PerAxis = 1,
    padding: Padding = "valid",
    dilation_rate: PerAxis = 1,
    groups: int = 1,
) -> tuple[np.ndarray, np.ndarray]:
    """The weights of the Dense layer that a convolution is, and which of them are one weight.

    conv(x, kernel)[n].ravel() = x[n].ravel() @ weights

    A kernel as large as the image gives a Dense layer without a single zero or sharing; a 1x1
    kernel one that is the same at every pixel. The gradient of the kernel is that of the weights,
    summed over the places that share: `np.add.at(dkernel.ravel(), places[p], dweights[p])` with
    `p = places >= 0`.

    Args:
        as of `toeplitz_matrix`.

    Returns:
        weights: (prod(size) * channels, prod(out) * filters), as a Dense layer has them.
        places: the same shape; which number of `kernel.ravel()` stands there, -1 where the layer
            has no connection.

    Raises:
        UserError: what `conv` raises.
    """
    numbers = ungrouped(1 + np.arange(kernel.size).reshape(kernel.shape), groups) - 1
    channels, filters = numbers.shape[-2:]
    window = conv_window((1, *size, channels), numbers.shape, strides, padding, dilation_rate, 1)
    pixels, stops = prod(size), prod(window.out)
    seen = window.gather(np.arange(pixels).reshape(1, *size, 1), fill=-1).reshape(stops, -1)
    stop, tap = np.nonzero(seen >= 0)
    places = np.full((pixels, channels, stops, filters), -1)
    places[seen[stop, tap], :, stop, :] = numbers.reshape(-1, channels, filters)[tap]
    places = places.reshape(pixels * channels, stops * filters)
    return np.where(places >= 0, kernel.ravel()[places], 0), places


def ungrouped(kernel: np.ndarray, groups: int) -> np.ndarray:
    """The kernel of a grouped convolution as that of an ordinary one, with zeros between groups.

    (*kernel_size, channels / groups, filters) -> (*kernel_size, channels, filters).
    """
    *kernel_size, channels, filters = kernel.shape
    full = np.zeros((*kernel_size, channels * groups, filters), kernel.dtype)
    for group in range(groups):
        inputs = slice(group * channels, (group + 1) * channels)
        outputs = slice(group * filters // groups, (group + 1) * filters // groups)
        full[..., inputs, outputs] = kernel[..., outputs]
    return full


def _selection(window, axis, tap):
    """(out, size) of one axis: 1 where a stop's tap sees a pixel."""
    s, d = window.strides[axis], window.dilation_rate[axis]
    seen = s * np.arange(window.out[axis]) + d * tap - window.pads[axis][0]
    return (seen[:, None] == np.arange(window.size[axis])).astype(float)

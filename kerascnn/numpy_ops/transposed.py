"""Transposed convolution: the gradient of a convolution, used to go forward."""

from typing import Any

import numpy as np

from kerascnn.errors import UserError
from kerascnn.numpy_ops.convolution import conv, conv_input_gradient, conv_kernel_gradient
from kerascnn.numpy_ops.window import Gradients, Padding, PerAxis, pad_widths, per_axis


def conv_transpose(
    x: np.ndarray,
    kernel: np.ndarray,
    bias: np.ndarray | None = None,
    *,
    strides: PerAxis = 1,
    padding: Padding = "valid",
    dilation_rate: PerAxis = 1,
    output_size: PerAxis | None = None,
) -> np.ndarray:
    """Transposed convolution over one, two or three axes.

    y[n, j, f] = bias[f] + sum over c and all i, a with s i + d a - p = j of
                 kernel[a, f, c] x[n, i, c]

    Every input pixel stamps the kernel, times its value, into the output; where stamps overlap
    they add up. It is `conv_input_gradient` of the convolution that leads from y's size back to
    x's: Dumoulin & Visin, arXiv:1603.07285, chapter 4.

    Args:
        x: (batch, *size, channels).
        kernel: (*kernel_size, filters, channels), as Keras has it for transposed convolutions.
        bias: (filters,), or None.
        strides, padding, dilation_rate: those of the convolution that leads back. So padding takes
            pixels off the output; "valid" takes none, "same" leaves size * strides.
        output_size: with a stride, several sizes lead back to x's size. None takes Keras' choice,
            size * strides for "same", s (size - 1) + max(reach, s) for "valid", where reach is
            d (k - 1) + 1; and the smallest, s (size - 1) + reach - p_before - p_after, else.

    Returns:
        y: (batch, *output_size, filters).

    Raises:
        UserError: an output size that does not lead back, shapes that do not go together; what
            `Window.over` raises.
    """
    if x.ndim != kernel.ndim or x.shape[-1] != kernel.shape[-1]:
        raise UserError(
            "expected x (batch, *size, channels) and a kernel (*kernel_size, filters, channels), "
            f"got shapes {x.shape} and {kernel.shape}"
        )
    size, kernel_size = x.shape[1:-1], kernel.shape[:-2]
    options: dict[str, Any] = dict(strides=strides, padding=padding, dilation_rate=dilation_rate)
    output_size = _output_size(size, kernel_size, output_size, **options)
    y = conv_input_gradient(x, kernel, output_size, **options)
    return y if bias is None else y + bias


def conv_transpose_gradients(
    dy: np.ndarray,
    x: np.ndarray,
    kernel: np.ndarray,
    *,
    strides: PerAxis = 1,
    padding: Padding = "valid",
    dilation_rate: PerAxis = 1,
) -> Gradients:
    """Gradients of `conv_transpose`, whose arguments it takes: the convolution that leads back.

    (batch, *output_size, filters) -> dx, dkernel, dbias, of the shapes of x, kernel and bias.

    Raises:
        UserError: a dy that does not lead back to x's shape; what `conv` raises.
    """
    options: dict[str, Any] = dict(strides=strides, padding=padding, dilation_rate=dilation_rate)
    dx = conv(dy, kernel, **options)
    if dx.shape != x.shape:
        raise UserError(
            f"dy: the convolution leads from {dy.shape} to {dx.shape}, expected x's {x.shape}"
        )
    dkernel = conv_kernel_gradient(x, dy, kernel.shape[:-2], **options)
    return dx, dkernel, dy.sum(axis=tuple(range(dy.ndim - 1)))


def _output_size(size, kernel_size, output_size, *, strides, padding, dilation_rate):
    """Returns `output_size`, or the default that `conv_transpose` promises for None."""
    strides = per_axis("strides", strides, len(size))
    dilation_rate = per_axis("dilation_rate", dilation_rate, len(size))
    if padding == "same":
        smallest = tuple(s * (n - 1) + 1 for n, s in zip(size, strides, strict=True))
    else:
        reach = [d * (k - 1) + 1 for k, d in zip(kernel_size, dilation_rate, strict=True)]
        pads = pad_widths(padding, size, reach, strides)
        axes = zip(size, strides, reach, pads, strict=True)
        smallest = tuple(s * (n - 1) + r - sum(p) for n, s, r, p in axes)
    if output_size is None:
        if padding not in ("same", "valid"):
            return smallest
        axes = zip(size, strides, smallest, strict=True)
        return tuple(max(s * n, least) for n, s, least in axes)
    chosen = per_axis("output_size", output_size, len(size))
    largest = tuple(least + s - 1 for least, s in zip(smallest, strides, strict=True))
    axes = zip(smallest, chosen, largest, strict=True)
    if not all(least <= n <= most for least, n, most in axes):
        raise UserError(f"output_size: expected {smallest} to {largest}, got {chosen}")
    return chosen

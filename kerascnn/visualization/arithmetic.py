"""Convolution on a small grid, number by number, as an animated SVG without a script.

After Dumoulin & Visin, "A guide to convolution arithmetic for deep learning", arXiv:1603.07285,
with the numbers, which kerascnn.numpy_ops computes.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from kerascnn.errors import UserError
from kerascnn.numpy_ops import Window, conv, conv_transpose
from kerascnn.numpy_ops.convolution import conv_window
from kerascnn.numpy_ops.window import Padding, PerAxis
from kerascnn.visualization.grids import CELL, GAP, Canvas, grid_stack, said

SECONDS = 1.2  # a step
MOST_STEPS = 64  # a sum is written out for each


@dataclass(frozen=True)
class Animation:
    """svg: an <svg> element, which a notebook shows by itself. steps: how many it has."""

    svg: str
    steps: int

    def _repr_html_(self) -> str:
        return self.svg


def animate_conv(
    x: np.ndarray,
    kernel: np.ndarray,
    *,
    strides: PerAxis = 1,
    padding: Padding = "valid",
    dilation_rate: PerAxis = 1,
    groups: int = 1,
) -> Animation:
    """Every output number of a convolution in turn: what it sees, by which weights, and the sum.

    Args:
        x: (height, width, channels), small whole numbers.
        kernel: (kernel height, kernel width, channels / groups, filters).
        strides, padding, dilation_rate, groups: as of `numpy_ops.conv`.

    Returns:
        The input with its padding, the kernel and the output, side by side; a row of grids for
        each channel.

    Raises:
        UserError: what `numpy_ops.conv` raises; more than 64 outputs.
    """
    options: dict[str, Any] = dict(strides=strides, padding=padding, dilation_rate=dilation_rate)
    y = conv(x[None], kernel, groups=groups, **options)[0]
    window = conv_window((1, *x.shape), kernel.shape, strides, padding, dilation_rate, groups)
    _refuse_many(y.size)
    padded, seen_of_a_group = window.pad(x[None])[0], kernel.shape[2]
    canvas = Canvas(y.size, SECONDS)
    at_x, at_kernel, at_y, height = _places(padded, kernel, y)
    canvas.grid(at_x, padded, outside=_outside(window), title="input")
    canvas.grid(at_y, y, faint=True, title="output")
    for step, (row, column, f) in enumerate(_order(y.shape)):
        group = f // (kernel.shape[3] // groups)
        channels = slice(group * seen_of_a_group, (group + 1) * seen_of_a_group)
        rows, columns = window.slices((row, column))
        with canvas.frame(step):
            canvas.grid(at_kernel, kernel[..., f], title=_of_filter("kernel", f, kernel.shape[3]))
            for c in range(channels.start, channels.stop):
                weights = kernel[:, :, c - channels.start, f]
                canvas.marked(at_x[c], padded[..., c], rows, columns, weights)
            canvas.result(at_y[f], row, column, y[row, column, f])
            canvas.told(height, said(padded[rows, columns, channels], kernel[..., f]))
    return Animation(canvas.svg(height, 1 + seen_of_a_group), y.size)


def animate_conv_transpose(
    x: np.ndarray, kernel: np.ndarray, *, strides: PerAxis = 1, padding: Padding = "valid"
) -> Animation:
    """Every input number of a transposed convolution in turn, and where it stamps the kernel.

    Args:
        x: (height, width, 1), small whole numbers.
        kernel: (kernel height, kernel width, 1, 1).
        strides, padding: as of `numpy_ops.conv_transpose`.

    Returns:
        The input, the kernel and the output as it has become so far.

    Raises:
        UserError: what `numpy_ops.conv_transpose` raises; several channels; more than 64 inputs.
    """
    if x.ndim != 3 or x.shape[2] != 1 or kernel.shape[2:] != (1, 1):
        raise UserError(
            "expected x (height, width, 1) and a kernel (height, width, 1, 1), "
            f"got {x.shape} and {kernel.shape}"
        )
    options: dict[str, Any] = dict(strides=strides, padding=padding)
    y = conv_transpose(x[None], kernel, **options)[0]
    _refuse_many(x.size)
    window = Window.over(y.shape[:2], kernel.shape[:2], strides=strides, padding=padding)
    canvas = Canvas(x.size, SECONDS)
    at_x, at_kernel, at_y, height = _places(x, kernel, window.pad(y[None])[0])
    canvas.grid(at_x, x, title="input")
    canvas.grid(at_kernel, kernel[..., 0], title="kernel")
    so_far = np.zeros_like(x)
    for step, (row, column, _) in enumerate(_order(x.shape)):
        so_far[row, column] = x[row, column]
        grown = window.pad(conv_transpose(so_far[None], kernel, **options))[0]
        rows, columns = window.slices((row, column))
        with canvas.frame(step):
            canvas.grid(at_y, grown, outside=_outside(window), title="output so far")
            canvas.marked(at_y[0], grown[..., 0], rows, columns, kernel[:, :, 0, 0])
            canvas.result(at_x[0], row, column, x[row, column, 0])
            canvas.told(height, [f"adds {x[row, column, 0]:g} times the kernel"])
    return Animation(canvas.svg(height, 1), x.size)


def _order(shape):
    """(row, column, filter), one filter after the other."""
    return [(r, c, f) for f in range(shape[2]) for r in range(shape[0]) for c in range(shape[1])]


def _places(left, kernel, right):
    """Where the grids of input, kernel and output stand, and the height of all."""
    across, height, stacks = GAP, 0.0, []
    for rows, columns, count in (shape[:3] for shape in (left.shape, kernel.shape, right.shape)):
        stacks.append(grid_stack(across, (rows, columns), count))
        across += columns * CELL + 2 * GAP
        height = max(height, stacks[-1][-1][1] + rows * CELL)
    return (*stacks, height)


def _outside(window):
    """(padded height, padded width): whether a cell is padding."""
    inside = np.ones((1, *window.size, 1), bool)
    return ~window.pad(inside)[0, ..., 0].astype(bool)


def _of_filter(name, number, count):
    return name if count == 1 else f"{name} of filter {number + 1}"


def _refuse_many(steps):
    if steps > MOST_STEPS:
        raise UserError(
            f"expected {MOST_STEPS} steps at most, which one can follow, got {steps}; "
            "take a smaller image or a larger stride"
        )

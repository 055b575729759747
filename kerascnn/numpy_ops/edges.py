"""Edges, as they were found before networks learned to: Canny's detector, of convolutions."""

import math

import numpy as np

from kerascnn.errors import UserError
from kerascnn.numpy_ops import kernels
from kerascnn.numpy_ops.convolution import conv
from kerascnn.numpy_ops.pooling import max_pool

# Towards which neighbour (row, column) the gradient points, by eighths of a turn from x to y.
NEIGHBOURS = ((0, 1), (1, 1), (1, 0), (1, -1))


def filtered(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """One image under one kernel, of the image's size: (height, width) -> (height, width).

    What is beyond the edges is as the pixel next to it, so that an edge of the image is none.
    """
    around = [(k // 2, (k - 1) // 2) for k in kernel.shape]
    padded = np.pad(image.astype(float), around, mode="edge")
    return conv(padded[None, ..., None], kernel[..., None, None])[0, ..., 0]


def gradient(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The size of the gradient of an image by Sobel's kernels, and its direction in radians.

    (height, width) -> twice (height, width). A step of height 1 has the size 4.
    """
    down, right = filtered(image, kernels.sobel(0)), filtered(image, kernels.sobel(1))
    return np.hypot(right, down), np.arctan2(down, right)


def canny(
    image: np.ndarray, *, sigma: float = 1.4, low: float = 0.1, high: float = 0.2
) -> np.ndarray:
    """Thin edges: (height, width) -> (height, width) bool.

    Smooths by a Gaussian; takes the gradient; keeps the pixels whose gradient is largest along
    its own direction; of these the strong ones, and the weak ones that hang together with them.

    Args:
        image: of any scale.
        sigma: of the Gaussian, in pixels.
        low, high: thresholds, as shares of the largest gradient.

    Raises:
        UserError: thresholds that are not 0 <= low <= high <= 1.

    Source: Canny, "A Computational Approach to Edge Detection", TPAMI 1986.
    """
    if not 0 <= low <= high <= 1:
        raise UserError(f"low, high: expected 0 <= low <= high <= 1, got {low} and {high}")
    size, direction = gradient(filtered(image, kernels.gaussian(sigma)))
    if size.max() <= 1e-9 * max(1.0, float(np.abs(image).max())):  # rounding, no edge
        return np.zeros(image.shape, bool)
    eighth = np.rint(direction / (math.pi / 4)).astype(int) % 4
    around = np.pad(size, 1)
    thin = np.zeros(image.shape, bool)
    for number, (row, column) in enumerate(NEIGHBOURS):
        ahead, behind = _moved(around, row, column), _moved(around, -row, -column)
        # Of two equal neighbours one stays.
        thin |= (eighth == number) & (size > ahead) & (size >= behind)
    weak, edges = thin & (size >= low * size.max()), thin & (size >= high * size.max())
    while True:
        near, _ = max_pool(edges[None, ..., None].astype(float), 3, strides=1, padding="same")
        grown = weak & (near[0, ..., 0] > 0)
        if (grown == edges).all():
            return edges
        edges = grown


def _moved(padded, row, column):
    """The neighbour at (row, column) of every pixel, of an image that is padded by one."""
    height, width = padded.shape
    return padded[1 + row : height - 1 + row, 1 + column : width - 1 + column]

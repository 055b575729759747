"""Kernels that people designed: smoothing, derivatives, sharpening, Gabor functions.

Each is (height, width) float64, written as `conv` multiplies it, unmirrored; x runs along the
columns to the right and y along the rows downwards.
"""

import math

import numpy as np

from kerascnn.errors import UserError


def box(size: int = 3) -> np.ndarray:
    """The mean of size x size pixels."""
    return np.full((_odd(size), size), 1 / size**2)


def gaussian(sigma: float = 1.0, size: int | None = None) -> np.ndarray:
    """exp(-(x^2 + y^2) / (2 sigma^2)), of sum 1; separable. size: 6 sigma + 1 by default, odd."""
    x, y = _grid(2 * math.ceil(3 * sigma) + 1 if size is None else size)
    weights = np.exp(-(x**2 + y**2) / (2 * sigma**2))
    return weights / weights.sum()


def sobel(axis: int) -> np.ndarray:
    """The derivative along `axis`, 0 downwards or 1 to the right, smoothed across it; separable.

    Source: Sobel & Feldman, "A 3x3 Isotropic Gradient Operator for Image Processing", 1968.
    """
    if axis not in (0, 1):
        raise UserError(f"axis: expected 0, downwards, or 1, to the right, got {axis}")
    kernel = np.outer([1.0, 2, 1], [-1.0, 0, 1])
    return kernel if axis else kernel.T


def laplacian() -> np.ndarray:
    """The sum of the second derivatives along both axes, from the four neighbours; of rank 2."""
    return np.array([[0.0, 1, 0], [1, -4, 1], [0, 1, 0]])


def sharpen(amount: float = 1.0) -> np.ndarray:
    """The image less `amount` times its Laplacian: what differs from its neighbours, more so."""
    identity = np.zeros((3, 3))
    identity[1, 1] = 1
    return identity - amount * laplacian()


def gabor(
    wavelength: float = 6.0,
    orientation: float = 0.0,
    *,
    sigma: float = 3.0,
    phase: float = 0.0,
    aspect: float = 1.0,
    size: int | None = None,
) -> np.ndarray:
    """A wave under a Gaussian: what simple cells of the visual cortex answer to.

    exp(-(u^2 + aspect^2 v^2) / (2 sigma^2)) cos(2 pi u / wavelength + phase)

    less its mean, so that an even area gives zero, and divided by the sum of its sizes.

    Args:
        wavelength: in pixels.
        orientation: in radians, of u, along which the wave runs, from x towards y; 0 answers to
            vertical edges and lines.
        sigma: of the Gaussian, in pixels. aspect: of its axes; below 1 it is longer along v.
        phase: in radians; 0 is even, a line; pi / 2 is odd, an edge.
        size: 6 sigma + 1 by default; odd.

    Source: Daugman, "Uncertainty Relation for Resolution in Space, Spatial Frequency, and
    Orientation Optimized by Two-Dimensional Visual Cortical Filters", JOSA A 1985.
    """
    x, y = _grid(2 * math.ceil(3 * sigma) + 1 if size is None else size)
    u = x * math.cos(orientation) + y * math.sin(orientation)
    v = y * math.cos(orientation) - x * math.sin(orientation)
    weights = np.exp(-(u**2 + (aspect * v) ** 2) / (2 * sigma**2))
    weights *= np.cos(2 * math.pi * u / wavelength + phase)
    weights -= weights.mean()
    return weights / np.abs(weights).sum()


def _grid(size):
    """x and y of each pixel, (size, size), from the middle."""
    half = _odd(size) // 2
    y, x = np.mgrid[-half : half + 1, -half : half + 1].astype(float)
    return x, y


def _odd(size):
    if size < 1 or size % 2 == 0:
        raise UserError(f"size: expected an odd number, with a pixel in the middle, got {size}")
    return size

"""What can be computed with kernels alone: their composition, their rank, separable kernels."""

from dataclasses import dataclass

import numpy as np

from kerascnn.errors import UserError
from kerascnn.numpy_ops.convolution import conv


def composed_kernel(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The one kernel that does what two convolutions do in turn.

    conv(conv(x, first), second) = conv(x, composed_kernel(first, second))

    with stride 1, no padding and no activation between: linear layers add no depth. Two 3x3 kernels
    compose to 5x5, three to 7x7. Of one axis and one channel it multiplies polynomials, whose
    coefficients the kernels are; with one channel it is commutative.

    Args:
        first: (*kernel_size, channels, middle).
        second: (*kernel_size, middle, filters).

    Returns:
        (*(first + second - 1), channels, filters).

    Raises:
        UserError: kernels that do not go together.
    """
    around = tuple(k - 1 for k in second.shape[:-2])
    images = np.moveaxis(first, -2, 0)
    return np.moveaxis(conv(images, second, padding=around, flip_kernel=True), 0, -2)


@dataclass(frozen=True)
class Separated:
    """A kernel as a sum of `rank` products of a column and a row.

    columns: (height, rank, ...). rows: (rank, width, ...). kernel: (height, width, ...), what they
    make. error: the norm of what is missing over the norm of the kernel; 0 where it is exact.
    """

    columns: np.ndarray
    rows: np.ndarray
    kernel: np.ndarray
    error: float


def kernel_rank(kernel: np.ndarray) -> np.ndarray:
    """The rank of kernels as matrices: how many separable ones they are the sum of.

    (height, width, ...) -> (...). A kernel of rank 1 is separable: a column and a row in turn give
    it at height + width multiplications a pixel in place of height * width.
    """
    return np.linalg.matrix_rank(np.moveaxis(kernel, (0, 1), (-2, -1)))


def separable_approximation(kernel: np.ndarray, rank: int = 1) -> Separated:
    """The best sum of `rank` separable kernels, in squared error, by singular values.

    Args:
        kernel: (height, width, ...); each of several kernels is approximated on its own.
        rank: from 1 to the smaller side.

    Raises:
        UserError: a rank that no such kernel has.

    Source: Eckart & Young, "The Approximation of One Matrix by Another of Lower Rank",
    Psychometrika 1936; of networks, Jaderberg, Vedaldi & Zisserman, arXiv:1405.3866.
    """
    most = min(kernel.shape[:2])
    if not 1 <= rank <= most:
        raise UserError(f"rank: expected 1 to {most} for a kernel {kernel.shape}, got {rank}")
    left, values, right = np.linalg.svd(np.moveaxis(kernel, (0, 1), (-2, -1)), full_matrices=False)
    root = np.sqrt(values[..., :rank])
    columns = np.moveaxis(left[..., :rank] * root[..., None, :], (-2, -1), (0, 1))
    rows = np.moveaxis(right[..., :rank, :] * root[..., None], (-2, -1), (0, 1))
    made = np.einsum("hr...,rw...->hw...", columns, rows)
    missed = np.linalg.norm(kernel - made) / max(np.linalg.norm(kernel), np.finfo(float).tiny)
    return Separated(columns, rows, made, float(missed))

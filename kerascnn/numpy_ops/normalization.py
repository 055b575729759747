"""Batch normalization: Ioffe & Szegedy, "Batch Normalization", arXiv:1502.03167, Algorithm 1.

Everywhere: x is (..., channels); gamma, beta, mean and variance are (channels,).
"""

import numpy as np

from kerascnn.numpy_ops.window import Gradients


def batch_norm_train(
    x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, *, epsilon: float = 1e-3
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Normalizes every channel over all other axes, then scales and shifts it.

    y = gamma (x - mean) / sqrt(variance + epsilon) + beta

    Returns:
        y, mean, variance: y of the shape of x, and the statistics of this batch, (channels,) each;
        the variance divides by the number of values, not by one less.
    """
    mean, variance = x.mean(axis=_all_but_last(x)), x.var(axis=_all_but_last(x))
    return batch_norm_test(x, gamma, beta, mean, variance, epsilon=epsilon), mean, variance


def moving_average(moving: np.ndarray, batch: np.ndarray, *, momentum: float = 0.99) -> np.ndarray:
    """The statistic to test with, after one more batch.  (channels,) twice -> (channels,).

    As Keras does, and unlike the paper's Algorithm 2, the variance is averaged as it comes,
    without the factor n / (n - 1).
    """
    return momentum * moving + (1 - momentum) * batch


def batch_norm_test(
    x: np.ndarray,
    gamma: np.ndarray,
    beta: np.ndarray,
    mean: np.ndarray,
    variance: np.ndarray,
    *,
    epsilon: float = 1e-3,
) -> np.ndarray:
    """The formula of `batch_norm_train` with given statistics.  Returns y, the shape of x."""
    return gamma * (x - mean) / np.sqrt(variance + epsilon) + beta


def batch_norm_train_gradients(
    dy: np.ndarray, x: np.ndarray, gamma: np.ndarray, *, epsilon: float = 1e-3
) -> Gradients:
    """Gradients of `batch_norm_train`: dx, dgamma, dbeta.

    dx = gamma / sqrt(variance + epsilon) (dy - mean(dy) - x_hat mean(dy x_hat))

    with x_hat the normalized x. The two means come from the statistics, which move with x: dx has
    no part along a shift of its channel, nor (but for epsilon) along a scaling.
    """
    axes = _all_but_last(x)
    deviation = np.sqrt(x.var(axis=axes) + epsilon)
    x_hat = (x - x.mean(axis=axes)) / deviation
    along_shift, along_scale = dy.mean(axis=axes), (dy * x_hat).mean(axis=axes)
    dx = gamma / deviation * (dy - along_shift - x_hat * along_scale)
    return dx, (dy * x_hat).sum(axis=axes), dy.sum(axis=axes)


def batch_norm_test_gradients(
    dy: np.ndarray,
    x: np.ndarray,
    gamma: np.ndarray,
    mean: np.ndarray,
    variance: np.ndarray,
    *,
    epsilon: float = 1e-3,
) -> Gradients:
    """Gradients of `batch_norm_test`: dx, dgamma, dbeta; the statistics are constants."""
    axes = _all_but_last(x)
    deviation = np.sqrt(variance + epsilon)
    x_hat = (x - mean) / deviation
    return gamma / deviation * dy, (dy * x_hat).sum(axis=axes), dy.sum(axis=axes)


def _all_but_last(x):
    return tuple(range(x.ndim - 1))

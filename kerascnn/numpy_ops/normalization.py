"""Batch normalization: Ioffe & Szegedy, "Batch Normalization", arXiv:1502.03167, Algorithm 1.

Everywhere: x is (..., channels); gamma, beta, mean and variance are (channels,).
"""

import numpy as np


def batch_norm_train(x, gamma, beta, *, epsilon=1e-3):
    """Normalizes every channel over all other axes, then scales and shifts it.

    y = gamma (x - mean) / sqrt(variance + epsilon) + beta

    Returns:
        y, mean, variance: y of the shape of x, and the statistics of this batch, (channels,) each;
        the variance divides by the number of values, not by one less.
    """
    mean, variance = x.mean(axis=_all_but_last(x)), x.var(axis=_all_but_last(x))
    return batch_norm_test(x, gamma, beta, mean, variance, epsilon=epsilon), mean, variance


def moving_average(moving, batch, *, momentum=0.99):
    """The statistic to test with, after one more batch.  (channels,) twice -> (channels,).

    As Keras does, and unlike the paper's Algorithm 2, the variance is averaged as it comes,
    without the factor n / (n - 1).
    """
    return momentum * moving + (1 - momentum) * batch


def batch_norm_test(x, gamma, beta, mean, variance, *, epsilon=1e-3):
    """The formula of `batch_norm_train` with given statistics.  Returns y, the shape of x."""
    return gamma * (x - mean) / np.sqrt(variance + epsilon) + beta


def batch_norm_train_gradients(dy, x, gamma, *, epsilon=1e-3):
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


def batch_norm_test_gradients(dy, x, gamma, mean, variance, *, epsilon=1e-3):
    """Gradients of `batch_norm_test`: dx, dgamma, dbeta; the statistics are constants."""
    axes = _all_but_last(x)
    deviation = np.sqrt(variance + epsilon)
    x_hat = (x - mean) / deviation
    return gamma / deviation * dy, (dy * x_hat).sum(axis=axes), dy.sum(axis=axes)


def _all_but_last(x):
    return tuple(range(x.ndim - 1))

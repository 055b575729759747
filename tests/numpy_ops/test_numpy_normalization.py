"""Batch normalization."""

import keras
import numpy as np
import pytest
from operator_checks import (
    assert_equals_keras,
    check_float32_stays,
    check_gradients,
    random,
)

from kerascnn import numpy_ops


def test_batch_norm_by_hand():
    x = np.array([[1.0], [3.0]])  # mean 2, variance 1
    gamma, beta = np.array([10.0]), np.array([5.0])
    y, mean, variance = numpy_ops.batch_norm_train(x, gamma, beta, epsilon=0)
    np.testing.assert_array_equal(y, [[-5], [15]])
    assert (mean, variance) == (2, 1)
    assert numpy_ops.moving_average(np.array([4.0]), mean, momentum=0.75) == 3.5


def test_batch_norm_equals_keras():
    x = 3 + 2 * random(4, 5, 6, 3, dtype="float32")
    layer = keras.layers.BatchNormalization()
    layer.build(x.shape)
    gamma, beta, moving_mean, moving_variance = 1 + np.abs(random(4, 3, dtype="float32"))
    layer.set_weights([gamma, beta, moving_mean, moving_variance])
    tested = numpy_ops.batch_norm_test(x, gamma, beta, moving_mean, moving_variance)
    assert_equals_keras(tested, layer(x, training=False))
    trained, mean, variance = numpy_ops.batch_norm_train(x, gamma, beta)
    assert_equals_keras(trained, layer(x, training=True))
    assert_equals_keras(numpy_ops.moving_average(moving_mean, mean), layer.moving_mean)
    assert_equals_keras(numpy_ops.moving_average(moving_variance, variance), layer.moving_variance)


def cases(dtype):
    """name -> operator, its gradients, its inputs."""
    gamma, beta, mean, variance = np.abs(random(4, 3, dtype=dtype))
    x = random(2, 3, 4, 3, dtype=dtype)
    return {
        "batch_norm_train": (
            lambda x, gamma, beta: numpy_ops.batch_norm_train(x, gamma, beta)[0],
            lambda dy, x, gamma, beta: numpy_ops.batch_norm_train_gradients(dy, x, gamma),
            [x, gamma, beta],
        ),
        "batch_norm_test": (
            lambda x, gamma, beta: numpy_ops.batch_norm_test(x, gamma, beta, mean, variance),
            lambda dy, x, gamma, beta: numpy_ops.batch_norm_test_gradients(
                dy, x, gamma, mean, variance
            ),
            [x, gamma, beta],
        ),
    }


@pytest.mark.parametrize("name", cases("float64"))
def test_batch_norm_gradients_equal_finite_differences(name):
    check_gradients(*cases("float64")[name])


@pytest.mark.parametrize("name", cases("float32"))
def test_batch_norm_in_float32_stays_float32(name):
    check_float32_stays(*cases("float32")[name])

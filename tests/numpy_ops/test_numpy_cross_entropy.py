"""Softmax and cross-entropy."""

import keras
import numpy as np
import pytest
from operator_checks import (
    assert_equals_keras,
    check_float32_stays,
    check_gradients,
    random,
)

from kerascnn import UserError, numpy_ops


def test_cross_entropy_by_hand_and_without_overflow():
    targets = np.eye(4)[[0, 2]]
    assert numpy_ops.softmax_cross_entropy(np.zeros((2, 4)), targets) == pytest.approx(np.log(4))
    sure = np.array([[1e4, 0, 0, 0], [1e4, 0, 0, 0]])  # right once, and wrong by 1e4 once
    assert numpy_ops.softmax_cross_entropy(sure, targets) == 1e4 / 2
    gradient = numpy_ops.softmax_cross_entropy_gradient(sure, targets)
    np.testing.assert_array_equal(gradient, [[0, 0, 0, 0], [0.5, 0, -0.5, 0]])


def test_cross_entropy_equals_keras():
    logits = random(5, 7, dtype="float32")
    targets = 0.9 * np.eye(7, dtype="float32")[[0, 3, 6, 3, 1]] + np.float32(0.1 / 7)
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    assert_equals_keras(numpy_ops.softmax_cross_entropy(logits, targets), loss(targets, logits))


def cases(dtype):
    """name -> operator, its gradient, its inputs; no row of targets sums to one, nor needs to."""
    targets = np.abs(random(4, 5, dtype=dtype))
    return {
        "softmax_cross_entropy": (
            lambda logits: numpy_ops.softmax_cross_entropy(logits, targets),
            lambda dy, logits: (dy * numpy_ops.softmax_cross_entropy_gradient(logits, targets),),
            [random(4, 5, dtype=dtype)],
        ),
    }


@pytest.mark.parametrize("name", cases("float64"))
def test_cross_entropy_gradients_equal_finite_differences(name):
    check_gradients(*cases("float64")[name])


@pytest.mark.parametrize("name", cases("float32"))
def test_cross_entropy_in_float32_stays_float32(name):
    check_float32_stays(*cases("float32")[name])


@pytest.mark.parametrize(
    "message, call",
    [
        (
            r"targets as probabilities .* got shapes \(3, 4\) and \(3,\)",
            lambda: numpy_ops.softmax_cross_entropy(np.zeros((3, 4)), np.zeros(3)),
        ),
    ],
)
def test_cross_entropy_says_what_it_expected_and_what_came(message, call):
    with pytest.raises(UserError, match=message):
        call()

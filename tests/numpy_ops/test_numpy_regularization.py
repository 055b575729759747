"""Dropout in both scalings, local response normalization, minimum and global pooling."""

import keras
import numpy as np
import pytest
from operator_checks import assert_equals_keras, check_float32_stays, check_gradients, random

from kerascnn import UserError, numpy_ops
from kerascnn.layers import LocalResponseNormalization

KEEP = random(3, 5) > -0.5


def test_both_scalings_of_dropout_keep_the_mean():
    x = np.ones((400, 500))
    keep = np.random.default_rng(0).random(x.shape) >= 0.3
    for scaling in ("training", "test"):
        trained = numpy_ops.dropout(x, keep, 0.3, scaling=scaling)
        tested = numpy_ops.dropout(x, None, 0.3, scaling=scaling)
        # Of 200,000 draws the mean strays by 0.3 %.
        assert trained.mean() == pytest.approx(tested.mean(), rel=5e-3)
    assert (numpy_ops.dropout(x, None, 0.3) == x).all()


def test_dropout_scales_as_keras_does():
    x = random(50, 40, dtype="float32")
    y = keras.ops.convert_to_numpy(keras.layers.Dropout(0.4, seed=1)(x, training=True))
    assert_equals_keras(numpy_ops.dropout(x, y != 0, 0.4), y)


def test_local_response_norm_equals_the_layer():
    x = random(2, 3, 3, 8, dtype="float32") * 20
    y = numpy_ops.local_response_norm(x, 5, alpha=1e-2)
    assert_equals_keras(y, LocalResponseNormalization(5, alpha=1e-2)(x))


def test_pooling_of_the_smallest_and_over_all_places():
    x = random(2, 4, 6, 3)
    smallest, where = numpy_ops.min_pool(x, 2)
    assert_equals_keras(smallest, -keras.ops.max_pool(-x, 2))
    assert (x.reshape(2, 24, 3)[0, where[0, 0, 0, 1], 1] == x[0, :2, :2, 1].min()).all()
    assert_equals_keras(numpy_ops.global_average_pool(x), keras.layers.GlobalAveragePooling2D()(x))
    assert_equals_keras(numpy_ops.global_max_pool(x)[0], keras.layers.GlobalMaxPooling2D()(x))


def through(pool, gradient, *args):
    """Operator and gradient of a pooling that also says where its values lay."""
    return (
        lambda x: pool(x, *args)[0],
        lambda dy, x: (gradient(dy, pool(x, *args)[1], x.shape[1:-1]),),
    )


def cases(dtype):
    n = numpy_ops
    x = random(2, 4, 3, 6, dtype=dtype)
    two = random(3, 5, dtype=dtype)
    made = {
        "min": (*through(n.min_pool, n.min_pool_gradient, 2), [x]),
        "global max": (*through(n.global_max_pool, n.global_max_pool_gradient), [x]),
        "global average": (
            n.global_average_pool,
            lambda dy, x: (n.global_average_pool_gradient(dy, x.shape[1:-1]),),
            [x],
        ),
        "lrn": (
            lambda x: n.local_response_norm(x, 3, alpha=0.5),
            lambda dy, x: (n.local_response_norm_gradient(dy, x, 3, alpha=0.5),),
            [x],
        ),
    }
    for scaling in ("training", "test"):
        for mask in (KEEP, None):
            options = dict(scaling=scaling)
            made[f"dropout {scaling}, {'test' if mask is None else 'training'}"] = (
                lambda x, m=mask, o=options: n.dropout(x, m, 0.4, **o),
                lambda dy, x, m=mask, o=options: (n.dropout_gradient(dy, m, 0.4, **o),),
                [two],
            )
    return made


@pytest.mark.parametrize("name", cases("float64"))
def test_their_gradients_equal_finite_differences(name):
    check_gradients(*cases("float64")[name])


@pytest.mark.parametrize("name", cases("float32"))
def test_they_stay_in_float32(name):
    check_float32_stays(*cases("float32")[name])


@pytest.mark.parametrize(
    "message, call",
    [
        (r"rate: .* got 1$", lambda: numpy_ops.dropout(KEEP, KEEP, 1)),
        (r"scaling: .* got 'keras'", lambda: numpy_ops.dropout(KEEP, KEEP, 0.5, scaling="keras")),
        (r"keep: .* \(3, 5\), got \(3,\)", lambda: numpy_ops.dropout(KEEP, KEEP[:, 0], 0.5)),
        (r"odd size .* size=4", lambda: numpy_ops.local_response_norm(random(2, 3), 4)),
    ],
)
def test_they_say_what_they_expected_and_what_came(message, call):
    with pytest.raises(UserError, match=message):
        call()

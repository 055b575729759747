"""Pooling, the ways back up, and their gradients."""

from functools import partial

import keras
import numpy as np
import pytest
from operator_checks import (
    SIZE,
    assert_equals_keras,
    check_float32_stays,
    check_gradients,
    image,
    random,
)

from kerascnn import UserError, numpy_ops

SQUARE = np.arange(9.0).reshape(1, 3, 3, 1)
X = np.zeros((1, 5, 5, 4))
_, OVERLAPPING = numpy_ops.max_pool(random(2, 5, 5, 2), 3, strides=1)  # winners are shared


def test_max_pool_by_hand():
    y, indices = numpy_ops.max_pool(np.arange(16).reshape(1, 4, 4, 1), 2)
    np.testing.assert_array_equal(y, image([5, 7], [13, 15]))
    np.testing.assert_array_equal(indices, image([5, 7], [13, 15]))  # row * 4 + column


def test_a_maximum_sends_its_gradient_to_the_winner():
    # The 9 wins twice under overlapping windows; of the two 4s the first one wins.
    y, indices = numpy_ops.max_pool(image(1, 9, 3, 4, 4), 3, strides=1)
    np.testing.assert_array_equal(y, image(9, 9, 4))
    dx = numpy_ops.max_pool_gradient(image(10, 20, 5), indices, (5,))
    np.testing.assert_array_equal(dx, image(0, 30, 0, 5, 0))


def test_padding_never_wins_and_never_counts():
    x = -SQUARE - 1
    y, indices = numpy_ops.max_pool(x, 2, padding="same")
    np.testing.assert_array_equal(y, image([-1, -3], [-7, -9]))
    np.testing.assert_array_equal(indices, image([0, 2], [6, 8]))
    ceil_mode = numpy_ops.average_pool(x, 2, padding=((0, 1), (0, 1)))
    np.testing.assert_array_equal(ceil_mode, image([-3, -4.5], [-7.5, -9]))
    dx = numpy_ops.average_pool_gradient(image([4, 4], [4, 4]), (3, 3), 2, padding="same")
    np.testing.assert_array_equal(dx, image([1, 1, 2], [1, 1, 2], [2, 2, 4]))


def test_max_unpool_puts_the_values_back_where_they_were():
    x = random(2, 4, 6, 3)
    y, indices = numpy_ops.max_pool(x, 2)
    back = numpy_ops.max_unpool(y, indices, (4, 6))
    won = x == y.repeat(2, axis=1).repeat(2, axis=2)
    np.testing.assert_array_equal(back, np.where(won, x, 0))
    np.testing.assert_array_equal(numpy_ops.max_unpool_gradient(back, indices), y)


def test_nearest_unpool_by_hand():
    y = numpy_ops.nearest_unpool(image([1, 2]), (2, 3))
    np.testing.assert_array_equal(y, image([1, 1, 1, 2, 2, 2], [1, 1, 1, 2, 2, 2]))
    dx = numpy_ops.nearest_unpool_gradient(np.arange(12.0).reshape(1, 2, 6, 1), (2, 3))
    np.testing.assert_array_equal(dx, image([0 + 1 + 2 + 6 + 7 + 8, 3 + 4 + 5 + 9 + 10 + 11]))


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("pool_size, strides", [(2, None), (3, 2), (2, 1), (2, 3)])
def test_pooling_equals_keras(rank, padding, pool_size, strides):
    x = random(2, *SIZE[:rank], 4, dtype="float32")
    options = dict(strides=strides, padding=padding)
    in_keras = dict(strides=strides or pool_size, padding=padding)
    y, _ = numpy_ops.max_pool(x, pool_size, **options)
    assert_equals_keras(y, keras.ops.max_pool(x, pool_size, **in_keras))
    y = numpy_ops.average_pool(x, pool_size, **options)
    assert_equals_keras(y, keras.ops.average_pool(x, pool_size, **in_keras))


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_nearest_unpool_equals_keras(rank):
    x = random(2, *SIZE[:rank], 4, dtype="float32")
    layer = getattr(keras.layers, f"UpSampling{rank}D")((2, 3, 1)[:rank] if rank > 1 else 2)
    assert_equals_keras(numpy_ops.nearest_unpool(x, (2, 3, 1)[:rank]), layer(x))


def of_max_pool(shape, pool_size, *, dtype, **options):
    def gradient(dy, x):
        _, indices = numpy_ops.max_pool(x, pool_size, **options)
        return (numpy_ops.max_pool_gradient(dy, indices, x.shape[1:-1]),)

    return (
        lambda x: numpy_ops.max_pool(x, pool_size, **options)[0],
        gradient,
        [random(*shape, dtype=dtype)],
    )


def of_average_pool(shape, *args, dtype, **options):
    def gradient(dy, x):
        return (numpy_ops.average_pool_gradient(dy, x.shape[1:-1], *args, **options),)

    return (
        lambda x: numpy_ops.average_pool(x, *args, **options),
        gradient,
        [random(*shape, dtype=dtype)],
    )


def cases(dtype):
    """name -> operator, its gradients, its inputs."""
    max_pool = partial(of_max_pool, dtype=dtype)
    average_pool = partial(of_average_pool, dtype=dtype)
    return {
        "max_pool1d": max_pool((2, 7, 3), 3, strides=2, padding="same"),
        "max_pool2d": max_pool((2, 5, 5, 2), 3, strides=1),
        "max_pool3d": max_pool((1, 4, 4, 3, 2), 2, padding=((0, 0), (1, 1), (0, 1))),
        "average_pool1d": average_pool((2, 7, 3), 3, strides=2, padding="same"),
        "average_pool2d": average_pool((2, 5, 4, 2), (3, 2), strides=1, padding=1),
        "average_pool3d": average_pool((1, 4, 4, 3, 2), 2),
        "max_unpool": (
            lambda y: numpy_ops.max_unpool(y, OVERLAPPING, (5, 5)),
            lambda dx, y: (numpy_ops.max_unpool_gradient(dx, OVERLAPPING),),
            [random(2, 3, 3, 2, dtype=dtype)],
        ),
        "nearest_unpool": (
            lambda x: numpy_ops.nearest_unpool(x, (2, 1, 3)),
            lambda dy, x: (numpy_ops.nearest_unpool_gradient(dy, (2, 1, 3)),),
            [random(1, 2, 3, 2, 2, dtype=dtype)],
        ),
    }


@pytest.mark.parametrize("name", cases("float64"))
def test_pooling_gradients_equal_finite_differences(name):
    check_gradients(*cases("float64")[name])


@pytest.mark.parametrize("name", cases("float32"))
def test_pooling_in_float32_stays_float32(name):
    check_float32_stays(*cases("float32")[name])


@pytest.mark.parametrize(
    "message, call",
    [
        (
            r"max_pool: padding \(\(2, 2\), \(2, 2\)\) wins under a window of \(2, 2\)",
            lambda: numpy_ops.max_pool(X, 2, padding=2),
        ),
        (r"average_pool: .* sees only padding", lambda: numpy_ops.average_pool(X, 2, padding=2)),
        (
            r"indices: expected shape \(1, 5, 5, 4\), 0 to 15 .* 0 to 16",
            lambda: numpy_ops.max_unpool(X, np.arange(100).reshape(X.shape) % 17, (4, 4)),
        ),
        (
            r"factors: .* or 2 of them, got \(2, 2, 2\)",
            lambda: numpy_ops.nearest_unpool(X, (2, 2, 2)),
        ),
    ],
)
def test_pooling_says_what_it_expected_and_what_came(message, call):
    with pytest.raises(UserError, match=message):
        call()

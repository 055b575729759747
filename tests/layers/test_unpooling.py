import keras
import numpy as np
import pytest
from keras import ops

from kerascnn.layers import MaxPoolingWithIndices2D, MaxUnpooling2D, NearestUnpooling2D


def test_indices_by_hand():
    x = np.array([[1, 9, 2, 2], [3, 4, 2, 0]], "float32").reshape(1, 2, 4, 1)
    values, indices = MaxPoolingWithIndices2D(2)(x)
    np.testing.assert_array_equal(np.ravel(values), [9, 2])
    np.testing.assert_array_equal(np.ravel(indices), [1, 2])  # of equals the first
    y = MaxUnpooling2D()(values, indices)
    np.testing.assert_array_equal(y[0, :, :, 0], [[0, 9, 2, 0], [0, 0, 0, 0]])


POOLINGS = [
    ((2, 2), (2, 2), "valid"),
    ((3, 3), (2, 2), "valid"),
    ((3, 3), (2, 2), "same"),
    ((3, 2), (1, 2), "same"),
    ((2, 2), (2, 2), "same"),
]


@pytest.mark.parametrize(("pool_size", "strides", "padding"), POOLINGS)
def test_values_are_those_of_keras_and_stand_where_the_indices_say(
    compiled, rng, pool_size, strides, padding
):
    x = rng.normal(size=(2, 7, 6, 3)).astype("float32") - 10  # a zero from beyond would show
    values, indices = compiled(MaxPoolingWithIndices2D(pool_size, strides, padding))(x)
    expected = keras.layers.MaxPooling2D(pool_size, strides, padding)(x)
    np.testing.assert_array_equal(values, expected)
    rows, columns = np.divmod(np.asarray(indices), 6)
    b, _, _, c = np.indices(indices.shape)
    np.testing.assert_array_equal(x[b, rows, columns, c], expected)


@pytest.mark.parametrize(("pool_size", "strides", "padding"), POOLINGS)
def test_unpooling_is_the_transpose_of_pooling(
    gradients, compiled, rng, pool_size, strides, padding
):
    x = rng.normal(size=(2, 7, 6, 3)).astype("float32")
    values, indices = compiled(MaxPoolingWithIndices2D(pool_size, strides, padding))(x)
    v = rng.normal(size=values.shape).astype("float32")
    pool = keras.layers.MaxPooling2D(pool_size, strides, padding)
    (expected,) = gradients(lambda x: ops.sum(pool(x) * v), [x])
    y = compiled(MaxUnpooling2D(output_size=(7, 6)))(v, indices)
    np.testing.assert_allclose(y, expected, rtol=1e-6)  # the order of the sums differs


def test_size_is_a_factor(rng):
    x = rng.normal(size=(1, 6, 9, 2)).astype("float32")
    values, indices = MaxPoolingWithIndices2D((2, 3))(x)
    y = np.asarray(MaxUnpooling2D((2, 3))(values, indices))
    assert y.shape == x.shape
    np.testing.assert_array_equal(y[y != 0], x[y != 0])
    assert np.count_nonzero(y) == values.shape[1] * values.shape[2] * 2


def test_gradients_pass_through_both(check_gradients, rng):
    class There(keras.layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.pool = MaxPoolingWithIndices2D(2, dtype=self.dtype_policy)
            self.unpool = MaxUnpooling2D(2, dtype=self.dtype_policy)

        def call(self, x):
            values, indices = self.pool(x)
            return self.unpool(values * values, indices)

    check_gradients(lambda dtype: There(dtype=dtype), rng.normal(size=(2, 4, 4, 3)))


def test_indices_need_a_known_size():
    with pytest.raises(ValueError, match="expected a known height and width"):
        MaxPoolingWithIndices2D()(keras.Input((None, 8, 1)))


def test_indices_fit_their_values():
    values, indices = MaxPoolingWithIndices2D()(keras.Input((8, 8, 2)))
    with pytest.raises(ValueError, match="indices: expected the values' shape"):
        MaxUnpooling2D()(values, keras.ops.repeat(indices, 2, axis=1))


@pytest.mark.parametrize("size", [1, 2, (3, 2)])
def test_nearest_unpooling_is_keras_upsampling(rng, size):
    x = rng.normal(size=(2, 3, 5, 4)).astype("float32")
    expected = keras.layers.UpSampling2D(size, interpolation="nearest")(x)
    np.testing.assert_array_equal(NearestUnpooling2D(size)(x), expected)


def test_gradients_of_nearest_unpooling(check_gradients, rng):
    x = rng.normal(size=(2, 3, 2, 2))
    check_gradients(lambda dtype: NearestUnpooling2D((2, 3), dtype=dtype), x)

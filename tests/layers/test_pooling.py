import keras
import numpy as np
import pytest

from kerascnn.layers import CeilMaxPooling2D, ceil_max_pool


def by_hand(x, pool_size, strides):
    """Windows from the upper left, as many as begin inside, cut off at the edge."""
    _, height, width, _ = x.shape
    (kh, kw), (sh, sw) = pool_size, strides
    rows = range(0, -(-(height - kh) // sh) * sh + 1, sh)
    columns = range(0, -(-(width - kw) // sw) * sw + 1, sw)
    return np.stack(
        [
            np.stack([x[:, i : i + kh, j : j + kw].max(axis=(1, 2)) for j in columns], 1)
            for i in rows
        ],
        1,
    )


def test_reaches_over_the_edge():
    x = np.arange(25, dtype="float32").reshape(1, 5, 5, 1)
    y = CeilMaxPooling2D(2)(x)
    np.testing.assert_array_equal(y[0, :, :, 0], [[6, 8, 9], [16, 18, 19], [21, 23, 24]])


WINDOWS = [((2, 2), (2, 2)), ((3, 3), (2, 2)), ((3, 3), (3, 3)), ((3, 2), (1, 2)), ((4, 4), (3, 3))]


@pytest.mark.parametrize(("pool_size", "strides"), WINDOWS)
def test_what_lies_over_the_edge_counts_for_nothing(rng, pool_size, strides):
    for height, width in [(4, 5), (6, 7), (8, 9)]:
        x = rng.normal(size=(2, height, width, 3)).astype("float32") - 10  # a zero would show
        image = keras.Input((height, width, 3))
        of_any_size = keras.Input((None, None, 3))
        expected = by_hand(x, pool_size, strides)
        for start, layer in [
            (image, CeilMaxPooling2D(pool_size, strides)),
            (of_any_size, CeilMaxPooling2D(pool_size, strides)),
            (image, lambda t: ceil_max_pool(t, pool_size, strides, name="pool")),
            (of_any_size, lambda t: ceil_max_pool(t, pool_size, strides, name="pool")),
        ]:
            model = keras.Model(start, layer(start))
            np.testing.assert_array_equal(model(x), expected)


@pytest.mark.parametrize("size", range(3, 12))
def test_the_usual_poolings_are_keras_own_layer(size):
    for pool_size in (2, 3):
        model = keras.Model(
            image := keras.Input((size, size, 1)), ceil_max_pool(image, pool_size, 2, name="pool")
        )
        assert type(model.get_layer("pool")) is keras.layers.MaxPooling2D
        assert model.output_shape[1] == int(np.ceil((size - pool_size) / 2)) + 1


def test_gradients(check_gradients, rng):
    x = rng.normal(size=(2, 5, 6, 2))
    check_gradients(lambda dtype: CeilMaxPooling2D(3, 2, dtype=dtype), x)


def test_strides_leave_no_gaps():
    with pytest.raises(ValueError, match=r"at most pool_size \(2, 2\), got \(3, 3\)"):
        CeilMaxPooling2D(2, 3)


def test_the_window_fits_into_the_image():
    with pytest.raises(ValueError, match="pool_size: expected at most the input's 2, got 3"):
        CeilMaxPooling2D(3, 2)(keras.Input((2, 8, 1)))

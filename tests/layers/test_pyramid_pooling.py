import keras
import numpy as np
import pytest

from kerascnn.layers import SpatialPyramidPooling2D


def test_by_hand():
    x = np.arange(16, dtype="float32").reshape(1, 4, 4, 1)
    y = SpatialPyramidPooling2D((1, 2))(x)
    np.testing.assert_array_equal(y, [[15, 5, 7, 13, 15]])


def test_one_bin_is_global_pooling_and_bins_of_one_pixel_the_image(rng):
    x = rng.normal(size=(2, 3, 3, 4)).astype("float32")
    np.testing.assert_array_equal(
        SpatialPyramidPooling2D([1])(x), keras.layers.GlobalMaxPooling2D()(x)
    )
    np.testing.assert_array_equal(SpatialPyramidPooling2D([3])(x), x.reshape(2, -1))


@pytest.mark.parametrize("size", [(5, 7), (2, 3), (11, 8)])
def test_bins_are_those_of_adaptive_pooling(rng, size):
    x = rng.normal(size=(2, *size, 3)).astype("float32")
    expected = np.asarray(keras.layers.AdaptiveMaxPooling2D(4)(x)).reshape(2, -1)
    np.testing.assert_array_equal(SpatialPyramidPooling2D([4])(x), expected)


def test_images_of_any_size_give_one_length(rng):
    image = keras.Input((None, None, 3))
    model = keras.Model(image, SpatialPyramidPooling2D((1, 2, 4))(image))
    assert model.output_shape == (None, 3 * (1 + 4 + 16))
    for size in [(4, 4), (9, 5), (1, 2)]:
        x = rng.normal(size=(2, *size, 3)).astype("float32")
        assert model(x).shape == (2, 63)
        np.testing.assert_array_equal(model(x)[:, :3], x.max(axis=(1, 2)))


def test_gradients(check_gradients, rng):
    x = rng.normal(size=(2, 5, 4, 2))
    check_gradients(lambda dtype: SpatialPyramidPooling2D((1, 3), dtype=dtype), x)


def test_levels_are_numbers_of_bins():
    with pytest.raises(ValueError, match=r"levels: expected positive numbers of bins, got \(0,\)"):
        SpatialPyramidPooling2D((0,))

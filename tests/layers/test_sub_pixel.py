import keras
import numpy as np
import pytest
from keras import ops

from kerascnn.layers import DepthToSpace, sub_pixel_conv


def test_lays_channels_out_as_a_block_by_hand():
    x = np.arange(16, dtype="float32").reshape(1, 1, 2, 8)
    y = DepthToSpace(2)(x)
    np.testing.assert_array_equal(y[0, :, :, 0], [[0, 2, 8, 10], [4, 6, 12, 14]])
    np.testing.assert_array_equal(y[0, :, :, 1], [[1, 3, 9, 11], [5, 7, 13, 15]])


@pytest.mark.parametrize("sizes", [(3,), (2, 3), (2, 3, 2)])
@pytest.mark.parametrize("scale", [1, 2, 3])
def test_every_value_goes_where_the_formula_says(rng, sizes, scale):
    rank = len(sizes)
    x = rng.normal(size=(2, *sizes, scale**rank * 2)).astype("float32")
    y = np.asarray(DepthToSpace(scale)(x))
    assert y.shape == (2, *[n * scale for n in sizes], 2)
    for place in np.ndindex(*y.shape[1:-1]):
        coarse, fine = np.divmod(place, scale)
        block = np.ravel_multi_index(fine, (scale,) * rank)
        expected = x[(slice(None), *coarse)][:, 2 * block : 2 * block + 2]
        np.testing.assert_array_equal(y[(slice(None), *place)], expected)


def test_space_to_depth_undoes_it(rng):
    x = rng.normal(size=(2, 3, 4, 12)).astype("float32")
    np.testing.assert_array_equal(ops.space_to_depth(DepthToSpace(2)(x), 2), x)


@pytest.mark.parametrize("sizes", [(3,), (2, 3), (2, 3, 2)])
def test_gradients(check_gradients, rng, sizes):
    x = rng.normal(size=(2, *sizes, 8))
    check_gradients(lambda dtype: DepthToSpace(2, dtype=dtype), x)


@pytest.mark.parametrize("sizes", [(5,), (5, 6), (3, 4, 2)])
def test_a_sub_pixel_convolution_is_r_times_finer(sizes):
    image = keras.Input((*sizes, 3))
    model = keras.Model(image, sub_pixel_conv(image, 4, 3, 2, name="up"))
    assert model.output_shape == (None, *[2 * n for n in sizes], 4)
    assert [layer.name for layer in model.layers[1:]] == ["up_conv", "up_shuffle"]
    assert model.layers[1].filters == 4 * 2 ** len(sizes)


def test_channels_come_in_blocks():
    with pytest.raises(ValueError, match="channels in multiples of 4 for scale 2, got 6"):
        DepthToSpace(2)(keras.Input((4, 4, 6)))
    with pytest.raises(ValueError, match="scale: expected a positive integer, got 0"):
        DepthToSpace(0)

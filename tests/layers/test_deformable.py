import keras
import numpy as np
import pytest

from kerascnn.layers import DeformableConv2D

# fmt: off
CASES = [
    {"kernel_size": 3},
    {"kernel_size": 3, "padding": "same", "strides": 2},
    {"kernel_size": (3, 2), "padding": "same", "dilation_rate": 2},
]
# fmt: on


def identity(offset, size=(6, 7), dtype="float32"):
    """A 1x1 convolution that copies its one channel, looking `offset` = (dy, dx) away."""
    layer = DeformableConv2D(1, 1, use_bias=False, dtype=dtype)
    layer.build((None, *size, 1))
    layer.kernel.assign(np.ones((1, 1, 1, 1)))
    layer.offset_conv.bias.assign(np.array(offset))
    return layer


@pytest.mark.parametrize("modulated", [False, True])
@pytest.mark.parametrize("arguments", CASES)
def test_starts_as_a_convolution_and_modulated_as_half_of_one(compiled, rng, arguments, modulated):
    x = rng.normal(size=(2, 8, 7, 3)).astype("float32")
    layer = DeformableConv2D(4, **arguments, modulated=modulated)
    conv = keras.layers.Conv2D(4, **arguments)
    conv.build(x.shape)
    layer.build(x.shape)
    layer.kernel.assign(conv.kernel)
    # float32: the order of the sums differs
    scale = 0.5 if modulated else 1.0
    expected = scale * np.asarray(conv(x))
    np.testing.assert_allclose(compiled(layer)(x), expected, rtol=1e-4, atol=1e-5)


def test_a_whole_offset_shifts_and_beyond_the_edge_is_zero(compiled):
    x = np.arange(1, 43, dtype="float32").reshape(1, 6, 7, 1)
    expected = np.zeros_like(x)
    expected[:, :-2, 1:] = x[:, 2:, :-1]
    np.testing.assert_array_equal(compiled(identity((2, -1)))(x), expected)


def test_half_an_offset_is_the_mean_of_two_pixels(compiled):
    x = np.arange(1, 43, dtype="float32").reshape(1, 6, 7, 1)
    y = np.asarray(compiled(identity((0, 0.5)))(x))
    np.testing.assert_array_equal(y[:, :, :-1], x[:, :, :-1] + 0.5)
    np.testing.assert_array_equal(y[:, :, -1], x[:, :, -1] / 2)  # the other half is outside


def test_each_tap_follows_its_own_offset(compiled):
    x = np.arange(1, 43, dtype="float32").reshape(1, 6, 7, 1)
    layer = DeformableConv2D(1, (1, 2), use_bias=False)
    layer.build(x.shape)
    layer.kernel.assign(np.array([1, 1000]).reshape(1, 2, 1, 1))
    layer.offset_conv.bias.assign([1, 0, 0, -1])  # (dy, dx) of the first tap, of the second
    y = np.asarray(compiled(layer)(x))
    expected = 1000 * x[:, :, :-1]
    expected[:, :-1] += x[:, 1:, :-1]
    np.testing.assert_array_equal(y, expected)


def test_modulation_weighs_the_taps(compiled):
    layer = DeformableConv2D(1, (1, 2), modulated=True)
    layer.build((None, 1, 2, 1))
    layer.kernel.assign(np.ones((1, 2, 1, 1)))
    layer.offset_conv.bias.assign([0, 0, 0, 0, -100, 100])  # sigmoids of 0 and 1
    y = compiled(layer)(np.array([3, 5], "float32").reshape(1, 1, 2, 1))
    np.testing.assert_allclose(np.ravel(y), [5], rtol=1e-6)


def test_offsets_far_outside_give_zero(compiled):
    x = np.ones((1, 6, 7, 1), "float32")
    np.testing.assert_array_equal(compiled(identity((1e20, -1e20)))(x), 0 * x)


def test_half_precision_finds_its_pixel_in_a_wide_image(compiled):
    x = (np.arange(600) % 128).astype("float32").reshape(1, 1, 600, 1)  # exact in bfloat16
    y = np.asarray(compiled(identity((0, 1), (1, 600), "bfloat16"))(x)).astype("float32")
    np.testing.assert_array_equal(y[:, :, :-1], x[:, :, 1:])


@pytest.mark.parametrize(
    ("arguments", "modulated"), [*zip(CASES, (False, True, True), strict=True)]
)
def test_gradients_reach_input_kernel_and_offsets(check_gradients, rng, arguments, modulated):
    def make(dtype):
        return DeformableConv2D(2, **arguments, modulated=modulated, dtype=dtype)

    # Offsets of a few pixels, never whole: there the slope of the interpolation jumps.
    check_gradients(make, rng.normal(size=(2, 5, 6, 2)) * 0.3)


@pytest.mark.parametrize(("modulated", "channels"), [(False, 2), (True, 3)])
@pytest.mark.parametrize("arguments", CASES)
def test_counts_the_convolution_and_that_of_the_offsets(arguments, modulated, channels):
    layer = DeformableConv2D(4, **arguments, modulated=modulated)
    output = keras.layers.Conv2D(4, **arguments).compute_output_shape((1, 9, 8, 3))
    taps = np.prod(layer.kernel_size)
    one_filter = np.prod(output[1:3]) * taps * 3
    expected = one_filter * (4 + channels * taps)
    assert layer.count_macs((9, 8, 3)) == layer.count_macs((None, 9, 8, 3)) == expected


def test_strides_and_dilation_exclude_each_other():
    with pytest.raises(ValueError, match="dilation_rate"):
        DeformableConv2D(4, 3, 2, dilation_rate=2)

"""conv_bn and its depthwise and pre-activation forms; the padded pooling of stems."""

import keras
import numpy as np
import pytest

from kerascnn.layers import bn_conv, conv, conv_bn, depthwise_conv, padded_max_pool


def model_of(function, *args, shape=(6, 6, 4), **kwargs):
    x = keras.Input(shape)
    return keras.Model(x, function(x, *args, **kwargs, name="a"))


@pytest.mark.parametrize("strides", [1, 2])
def test_depthwise_is_a_convolution_of_as_many_groups_as_channels(strides):
    depthwise = model_of(depthwise_conv, 3, strides)
    grouped = model_of(conv, 4, 3, strides, groups=4)
    kernel = np.random.default_rng(0).normal(size=(3, 3, 4, 1))
    depthwise.get_layer("a_conv").kernel.assign(kernel)
    grouped.get_layer("a_conv").kernel.assign(kernel.transpose(0, 1, 3, 2))
    x = np.random.default_rng(1).normal(size=(2, 6, 6, 4)).astype("float32")
    expected = grouped.predict(x, verbose=0)
    # float32: nine products of order 1, summed in another order.
    np.testing.assert_allclose(depthwise.predict(x, verbose=0), expected, atol=1e-5)


@pytest.mark.parametrize("channels", [8, 512])
def test_depthwise_starts_with_the_variance_of_its_k_x_k_inputs(channels):
    model = model_of(depthwise_conv, 3, shape=(6, 6, channels))
    kernel = model.get_layer("a_conv").kernel.numpy()
    # 72 samples are known to 1 / sqrt(2 * 72) = 8 % of their deviation; three of these.
    assert np.std(kernel) == pytest.approx((2 / 9) ** 0.5, rel=0.25)


def test_the_names_tell_the_order():
    after = [layer.name for layer in model_of(conv_bn, 8, 3, 2).layers[1:]]
    before = [layer.name for layer in model_of(bn_conv, 8, 3, 2).layers[1:]]
    assert after == ["a_pad", "a_conv", "a_bn", "a_relu"]
    assert before == ["a_bn", "a_relu", "a_pad", "a_conv"]


@pytest.mark.parametrize("size", [6, 7])
def test_the_windows_of_a_padded_pool_start_one_pixel_outside(size):
    model = model_of(padded_max_pool, 3, 2, shape=(size, size, 1))
    x = np.arange(size * size, dtype="float32").reshape(1, size, size, 1)
    last = [min(2 * i + 1, size - 1) for i in range((size + 1) // 2)]
    assert np.array_equal(model.predict(x, verbose=0), x[:, last][:, :, last])

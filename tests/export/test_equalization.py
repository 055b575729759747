"""Ranges, equalization and bias correction: they change the rounding and nothing else."""

import keras
import numpy as np
import pytest
from keras import layers
from small_networks import network, pixels

from export.quantization.bias_correction import correct_biases
from export.quantization.biases import settle_biases
from export.quantization.equalization import equalize
from export.quantization.fake_quant import FakeQuant
from export.quantization.quantizer import calibrate, quantized_model
from export.quantization.ranges import BINS, least_squares, narrow_ranges, percentile
from kerascnn.models.graph import canonical, nodes


def grouped(x):
    x = layers.Conv2D(8, 3, groups=1, use_bias=False, name="first")(x)
    x = layers.ReLU(name="relu1")(layers.BatchNormalization(name="bn")(x))
    x = layers.MaxPooling2D(2, name="pool")(x)
    return layers.Conv2D(6, 3, groups=2, activation="relu", name="second")(x)


def depthwise(x):
    x = layers.Conv2D(4, 1, activation="relu", name="first")(x)
    x = layers.DepthwiseConv2D(3, depth_multiplier=2, activation="relu", name="second")(x)
    return layers.Conv2D(5, 1, name="third")(x)


def flattened(x):
    x = layers.Conv2D(5, 3, strides=4, activation="relu", name="first")(x)
    return layers.Dense(7, activation="relu", name="second")(layers.Flatten()(x))


BODIES = {"grouped": grouped, "depthwise": depthwise, "flattened": flattened}


def unlike(model, name, seed=0):
    """Gives the output channels of a layer unlike sizes."""
    layer = model.get_layer(name)
    factors = 10 ** np.random.default_rng(seed).uniform(-1.5, 1.5, layer.kernel.shape[-1])
    layer.kernel.assign(layer.kernel.numpy() * factors)
    return model


def spread(model, name, images):
    """The widest over the narrowest channel of what a layer gives."""
    made = next(x.outputs[0] for x in nodes(model) if x.operation.name == name)
    x = keras.Model(model.inputs, made).predict(images, verbose=0)
    tops = np.abs(x).reshape(-1, x.shape[-1]).max(0)
    return tops.max() / tops.min()


@pytest.mark.parametrize("per_channel", [True, False])
@pytest.mark.parametrize("body", BODIES)
def test_equalization_changes_no_output(body, per_channel):
    model = unlike(network(BODIES[body]), "first")
    images = pixels(model)
    equal = equalize(model, [images], per_channel=per_channel)
    assert ("first", "second") in equal.pairs
    before, after = (m.predict(images, verbose=0) for m in (model, equal.model))
    # float32: sums of some hundred terms in another scale
    np.testing.assert_allclose(after, before, atol=2e-5 * np.abs(before).max())


def test_channels_in_front_of_a_depthwise_kernel_get_one_range():
    model = unlike(network(depthwise), "first")
    images = pixels(model)
    equal = equalize(model, [images])
    assert spread(canonical(model), "first_relu", images) > 10
    assert spread(equal.model, "first_relu", images) == pytest.approx(1, rel=1e-4)


def capped(limit):
    """A ReLU6 between two convolutions, whose inputs reach about `limit`."""

    def body(x):
        x = layers.Conv2D(4, 1, name="first", kernel_initializer="ones", use_bias=False)(x)
        return layers.Conv2D(4, 3, name="second")(layers.ReLU(6.0, name="cap")(x))

    model = network(body)
    layer = model.get_layer("first")
    layer.kernel.assign(layer.kernel.numpy() * limit / 3)  # three inputs of 1 at most
    return model


def test_relu6_that_nothing_reaches_becomes_relu_and_another_stops_equalization():
    free, clipped = capped(5.0), capped(50.0)
    images = np.concatenate([pixels(free), np.full((1, *free.input_shape[1:]), 255.0)])
    equal = equalize(free, [images])
    assert equal.unclipped == ("cap",) and ("first", "second") in equal.pairs
    assert equal.model.get_layer("cap").max_value is None
    np.testing.assert_allclose(
        equal.model.predict(images, verbose=0), free.predict(images, verbose=0), atol=1e-4
    )
    left = equalize(clipped, [images])
    assert left.clipping == ("cap",) and ("first", "second") not in left.pairs
    assert left.model.get_layer("cap").max_value == 6


def test_corrected_biases_bring_the_float_mean_back():
    model = network(grouped)
    images = pixels(model, 64)
    rounded = quantized_model(model)
    for layer in rounded.layers:  # coarse kernels: 8 bits alone shift a mean too little to see
        if layer.name in ("first", "second"):
            kernel = layer._kernel.numpy()
            kernel[0, 0, 0, :] = 8 * np.abs(kernel).max()
            layer._kernel.assign(kernel)
            model.get_layer(layer.name).kernel.assign(kernel)
    calibrate(rounded, [images])
    expected = model.predict(images, verbose=0).mean(0)

    def shift():
        return np.abs(rounded.predict(images, verbose=0).mean(0) - expected).max()

    before = shift()
    correct_biases(rounded, [images])
    assert shift() < before / 5  # what is left: the last rounding, after the last bias
    settle_biases(rounded)
    assert shift() < before


def long_tailed():
    """A histogram of 1e6 values in a standard normal shape, and ten at 100."""
    edges = np.linspace(-4, 100, BINS + 1)
    centers = (edges[:-1] + edges[1:]) / 2
    count = np.where(centers < 4, np.exp(-(centers**2) / 2), 0)
    count *= 1e6 / count.sum()
    count[-1] = 10
    return count, centers


@pytest.mark.parametrize("choose", [percentile, least_squares])
def test_rare_values_are_left_out(choose):
    count, _ = long_tailed()
    low, high = choose(count, -4.0, 100.0)
    assert -4 <= low < -3 and 3 < high < (100 if choose is least_squares else 5)


def test_least_squares_has_the_smaller_error():
    count, centers = long_tailed()

    def error(low, high):
        step = (high - low) / 255
        rounded = np.rint((centers.clip(low, high) - low) / step) * step + low
        return (count * (rounded - centers) ** 2).sum()

    assert error(*least_squares(count, -4.0, 100.0)) < error(-4.0, 100.0)


@pytest.mark.parametrize("method", ["percentile", "least_squares"])
def test_narrowed_ranges_lie_within_the_extremes_and_hold_zero(method):
    model = network(grouped)
    images = pixels(model)
    rounded = quantized_model(model)
    calibrate(rounded, [images])
    watched = [x for x in rounded.layers if isinstance(x, FakeQuant) and x.fixed is None]
    before = [(float(x.minimum), float(x.maximum)) for x in watched]
    narrow_ranges(rounded, [images], method)
    after = [(float(x.minimum), float(x.maximum)) for x in watched]
    for (low, high), (least, most) in zip(after, before, strict=True):
        assert least <= low <= 0 <= high <= most
    if method == "percentile":  # by least squares the extremes may be best
        assert after != before

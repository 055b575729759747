"""Parameters and multiplications: what is counted, and how often."""

import json
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import Input, Model, layers

from kerascnn import UserError
from kerascnn.analysis import count, without_weights
from kerascnn.models import build, variant

REFERENCE = Path(__file__).parents[1] / "data" / "reference_zoo.json"
ONES = {"use_bias": False, "kernel_initializer": "ones"}
DEPTHWISE_ONES = {"use_bias": False, "depthwise_initializer": "ones"}


@pytest.mark.parametrize("name", ["lenet5", "resnet8"])
def test_a_registered_network_has_the_counts_of_its_row(name):
    with without_weights():
        model = build(name)
    counted = count(model)
    assert (counted.params, counted.macs) == (variant(name).row.params, variant(name).row.macs)
    assert counted.uncounted == ()


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (layers.Conv1D(3, 4, strides=2, **ONES), (11, 2)),
        (layers.Conv1D(3, 4, dilation_rate=2, **ONES), (11, 2)),
        (layers.Conv2D(6, (3, 2), strides=(2, 1), **ONES), (9, 7, 4)),
        (layers.Conv2D(6, 3, groups=2, **ONES), (8, 7, 4)),
        (layers.Conv2D(6, 3, dilation_rate=(2, 3), **ONES), (9, 8, 4)),
        (layers.Conv3D(2, (1, 2, 3), **ONES), (4, 5, 6, 3)),
        (layers.DepthwiseConv1D(3, depth_multiplier=2, **DEPTHWISE_ONES), (9, 4)),
        (layers.DepthwiseConv2D((3, 2), strides=2, **DEPTHWISE_ONES), (9, 8, 4)),
        (layers.Conv1DTranspose(3, 4, strides=2, **ONES), (5, 2)),
        (layers.Conv2DTranspose(3, (3, 2), strides=(2, 3), **ONES), (4, 5, 2)),
        (layers.Conv3DTranspose(2, 2, **ONES), (3, 2, 4, 3)),
        (layers.Dense(5, **ONES), (7,)),
        (layers.Dense(5, **ONES), (2, 3, 7)),
        (layers.TimeDistributed(layers.Dense(5, **ONES)), (4, 7)),
        (layers.TimeDistributed(layers.Conv2D(2, 3, **ONES)), (4, 6, 5, 3)),
    ],
    ids=lambda x: x.name if isinstance(x, keras.Layer) else None,
)
def test_each_multiplication_is_counted_once(layer, shape):
    """With ones everywhere each product is 1: without padding, the outputs add up to the MACs."""
    image = Input(shape)
    counted = count(Model(image, layer(image)))
    assert counted.macs == float(np.sum(layer(np.ones((1, *shape), "float32"))))


@pytest.mark.parametrize(
    ("separable", "depthwise", "pointwise", "shape"),
    [
        (layers.SeparableConv1D, layers.DepthwiseConv1D, layers.Conv1D, (10, 3)),
        (layers.SeparableConv2D, layers.DepthwiseConv2D, layers.Conv2D, (10, 9, 3)),
    ],
)
def test_a_separable_convolution_counts_as_its_two_parts(separable, depthwise, pointwise, shape):
    image = Input(shape)
    arguments = {"strides": 2, "padding": "same", "depth_multiplier": 2, "use_bias": False}
    whole = count(Model(image, separable(5, 3, **arguments)(image)))
    x = depthwise(3, **arguments)(image)
    parts = count(Model(image, pointwise(5, 1, use_bias=False)(x)))
    assert (whole.params, whole.macs) == (parts.params, parts.macs)


def test_an_encoder_and_decoder_has_the_published_counts():
    """U-Net as most people run it: transposed convolutions, "same" padding, normalization."""
    entries = json.loads(REFERENCE.read_text())
    [published] = [
        e for e in entries if e["name"] == "U-Net" and e["variant"].startswith("milesial")
    ]

    def double(x, filters):
        for _ in range(2):
            x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
            x = layers.ReLU()(layers.BatchNormalization()(x))
        return x

    with without_weights():
        x = image = Input(published["input"])
        skips = []
        for filters in (64, 128, 256, 512):
            x = double(x, filters)
            skips.append(x)
            x = layers.MaxPooling2D()(x)
        x = double(x, 1024)
        for skip in reversed(skips):
            filters = skip.shape[-1]
            x = layers.Conv2DTranspose(filters, 2, strides=2)(x)
            x = double(layers.Concatenate()([skip, x]), filters)
        model = Model(image, layers.Conv2D(published["classes"], 1)(x))
    counted = count(model)
    assert counted.params == published["params_trainable"]
    assert counted.params_total == published["params_total"]
    assert counted.macs == published["macs"]


def test_a_padded_border_counts_like_the_inside():
    image = Input((8, 8, 2))
    counted = count(Model(image, layers.Conv2D(4, 3, padding="same")(image)))
    assert counted.macs == 8 * 8 * 4 * 3 * 3 * 2


def test_channels_first_counts_the_same():
    def macs(data_format, shape):
        image = Input(shape)
        x = layers.Conv2D(4, 3, data_format=data_format)(image)
        x = layers.Conv2DTranspose(3, 2, strides=2, data_format=data_format)(x)
        return count(Model(image, x)).macs

    assert macs("channels_first", (2, 9, 7)) == macs("channels_last", (9, 7, 2))


def test_a_shared_layer_has_its_parameters_once_and_its_macs_at_each_call():
    image = Input((8, 8, 3))
    conv = layers.Conv2D(3, 3, padding="same", name="shared")
    counted = count(Model(image, conv(conv(image))))
    calls = [row for row in counted.layers if row.name == "shared"]
    assert [row.params for row in calls] == [84, 0]
    assert [row.macs for row in calls] == [8 * 8 * 3 * 27] * 2
    assert (counted.params, counted.macs) == (84, 2 * 8 * 8 * 3 * 27)


def test_frozen_weights_and_statistics_are_not_trainable():
    image = Input((4, 4, 3))
    frozen = layers.Conv2D(2, 1, trainable=False)
    counted = count(Model(image, layers.BatchNormalization()(frozen(image))))
    assert (counted.params, counted.params_total) == (4, 8 + 8)


def test_nested_models_are_opened():
    inner = keras.Sequential([Input((8, 8, 3)), layers.Conv2D(4, 3, name="conv")], name="inner")
    image = Input((8, 8, 3))
    counted = count(Model(image, layers.Dense(2)(inner(image))))
    assert [row.name for row in counted.layers][1] == "inner/conv"
    assert counted.macs == 6 * 6 * 4 * 27 + 6 * 6 * 4 * 2
    assert counted.params == inner.count_params() + 4 * 2 + 2


def test_a_nested_model_is_counted_on_the_size_it_is_called_on():
    image = Input((None, None, 3))
    inner = Model(image, layers.Conv2D(4, 3, name="conv")(image), name="inner")
    small, large = Input((8, 8, 3)), Input((16, 12, 3))
    counted = count(Model([small, large], [inner(small), inner(large)]))
    macs = sorted(row.macs for row in counted.layers if row.kind == "Conv2D")
    assert macs == [6 * 6 * 4 * 27, 14 * 10 * 4 * 27]
    assert counted.params == inner.count_params()


class Twice(keras.layers.Layer):
    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1], 2))

    def call(self, inputs):
        return keras.ops.matmul(inputs, self.kernel)


class TwiceCounted(Twice):
    def count_macs(self, input_shape):
        assert input_shape[0] is None
        return 2 * input_shape[-1]


def test_a_custom_layer_says_its_own_macs():
    image = Input((7,))
    counted = count(Model(image, TwiceCounted()(image)))
    assert (counted.params, counted.macs, counted.uncounted) == (14, 14, ())


def test_a_custom_layer_that_does_not_say_is_named_and_not_taken_for_zero():
    image = Input((7,))
    counted = count(Model(image, layers.Dense(3)(Twice(name="mystery")(image))))
    assert counted.uncounted == ("mystery",)
    assert [row.macs for row in counted.layers] == [0, None, 2 * 3]
    assert counted.macs == 2 * 3


def test_an_open_image_size_is_refused():
    image = Input((None, None, 3))
    with pytest.raises(UserError, match=r"stem: expected a fixed size .*; build the model with"):
        count(Model(image, layers.Conv2D(2, 3, name="stem")(image)))


def test_a_subclassed_model_is_refused():
    class Subclassed(keras.Model):
        pass

    with pytest.raises(UserError, match="expected a functional"):
        count(Subclassed())


def test_counting_makes_no_weights(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("a weight was made")

    monkeypatch.setattr(keras.initializers.VarianceScaling, "__call__", refuse)
    with without_weights():
        model = build("resnet8")
    assert count(model).params == variant("resnet8").row.params
    with keras.StatelessScope():  # its end makes all weights that are still to be made
        pass


def test_models_made_afterwards_have_weights():
    with without_weights():
        build("resnet8")
    model = build("lenet5")
    assert model(np.zeros((1, 32, 32, 1), "float32")).shape == (1, 10)

"""Borders and shuffles of int8 .onnx files: moves of integers at most, and the same numbers."""

from collections import Counter

import onnx
import pytest
from keras import layers
from small_networks import network, pixels

import kerascnn.layers as own
from kerascnn import export


def delivered(tmp_path, body):
    """The operations of the int8 .onnx file of a network, once it equals the simulation."""
    model = network(body)
    images = pixels(model)
    quantized = export.quantize(model, images)
    files = [tmp_path / "a.tflite", tmp_path / "a.onnx"]
    for made in export.deliver(quantized, files, evidence=images):
        assert made.passed
    return onnx.load(files[1]).graph.node


def conv(x, name, **options):
    return layers.Conv2D(8, 3, activation="relu", name=name, **options)(x)


def padded_convolutions(x):
    x = conv(layers.ZeroPadding2D(1)(x), "first", strides=2)  # in front of the first transpose too
    x = conv(layers.ZeroPadding2D(((1, 0), (2, 1)))(x), "second")
    return layers.Add()([conv(x, "left", padding="same"), x])


def pooled(x):
    return layers.MaxPooling2D(3, 2)(layers.ZeroPadding2D(1)(conv(x, "first")))


def shuffled(x):
    x = own.ChannelShuffle(2)(conv(x, "first"))
    x = layers.Concatenate()([conv(x, "second", padding="same"), x])
    return conv(own.ChannelShuffle(2)(conv(own.ChannelShuffle(4)(x), "third")), "fourth")


@pytest.mark.parametrize("body", [padded_convolutions, pooled, shuffled])
def test_a_border_is_padding_and_a_shuffle_a_choice_of_channels(tmp_path, body):
    kinds = Counter(node.op_type for node in delivered(tmp_path, body))
    assert not kinds["Pad"] and kinds["Gather"] == 3 * (body is shuffled)
    assert kinds["Transpose"] <= 2 and kinds["Reshape"] <= 1  # of the ends


def below_zero(x):
    x = layers.Conv2D(8, 3, name="first")(x)
    return layers.MaxPooling2D(2, 2, padding="valid")(layers.ZeroPadding2D(1)(x))


def more_channels(x):
    x = conv(x, "first")
    return layers.Add()([own.ChannelZeroPadding(12)(x), layers.Conv2D(12, 1)(x)])


def wider_than_the_window(x):
    return layers.MaxPooling2D(2, 2)(layers.ZeroPadding2D(2)(conv(x, "first")))


@pytest.mark.parametrize("body", [below_zero, more_channels, wider_than_the_window])
def test_a_border_that_no_layer_can_have_is_one_of_integers(tmp_path, body):
    nodes = delivered(tmp_path, body)
    (pad,) = [node for node in nodes if node.op_type == "Pad"]
    makers = {name: node for node in nodes for name in node.output}
    assert makers[pad.input[0]].op_type == "QuantizeLinear"
    takers = {node.op_type for node in nodes if pad.output[0] in node.input}
    assert takers == {"DequantizeLinear"}

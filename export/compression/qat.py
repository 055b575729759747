"""Quantization-aware training for Keras 3: where to round, and the model that rounds there.

A model is rebuilt with `FakeQuant` exactly where the int8 kernels of TFLite requantize: after a
convolution with its normalization and ReLU, after Add, Multiply and Concatenate, after an
activation of its own kernel. Nowhere between the parts that one kernel fuses, and nowhere after an
operation that keeps its input's scale (padding, pooling, reshaping).

Nowhere before a Concatenate either, if each of its inputs can take its scale; where one cannot,
since others take it too, TFLite would give all of them the scale of that one: each is rounded.

Batch normalization is not rounded: with a scale for each channel, folding it into the kernel
moves scale and weights alike, so the converter's fold equals this simulation.
"""

from collections import Counter

import keras
import numpy as np
from keras import layers

import kerascnn.layers as ours
from export.compression.integer_form import integer_form
from export.compression.quantized_layers import (
    PER_CHANNEL,
    TWINS,
    FakeQuant,
    FusedBatchNormalization,
)
from kerascnn.errors import UserError
from kerascnn.models.graph import consumers, new_inputs, nodes, walk

PASS_THROUGH = (
    layers.MaxPooling1D, layers.MaxPooling2D, layers.AveragePooling1D, layers.AveragePooling2D,
    layers.GlobalMaxPooling1D, layers.GlobalMaxPooling2D, layers.ZeroPadding1D,
    layers.ZeroPadding2D, layers.Cropping1D, layers.Cropping2D, layers.Flatten, layers.Reshape,
    layers.Permute, layers.Dropout, layers.SpatialDropout1D, layers.SpatialDropout2D,
    ours.CeilMaxPooling2D, ours.ChannelShuffle, ours.ChannelSplit, ours.ChannelZeroPadding,
)  # fmt: skip
REQUANTIZED = (
    layers.Add, layers.Subtract, layers.Multiply, layers.Concatenate,
    layers.GlobalAveragePooling1D, layers.GlobalAveragePooling2D,
)  # fmt: skip
KNOWN = (
    *TWINS, *PASS_THROUGH, *REQUANTIZED, layers.BatchNormalization, layers.ReLU,
    layers.Activation, layers.Rescaling, layers.Softmax,
)  # fmt: skip
# The output quantization that TFLite's kernels demand.
FIXED_RANGES = {"sigmoid": (0.0, 255 / 256), "tanh": (-1.0, 127 / 128), "softmax": (0.0, 255 / 256)}
PIXELS = (0.0, 255.0)
WATCHED = "watched"
FOLDS_NORMALIZATION = (layers.Conv2D, layers.DepthwiseConv2D)
FUSES_RELU = (
    *FOLDS_NORMALIZATION, layers.BatchNormalization, layers.Dense, layers.Add, layers.Subtract,
    layers.Multiply,
)  # fmt: skip


def quantize(model, *, per_channel=True):
    """Rebuilds a model so that it trains, and predicts, with int8 weights and activations.

    Args:
        model: functional or sequential; takes raw pixels, 0..255.
        per_channel: a scale for each output channel of a convolution, else one a tensor.

    Returns:
        A `keras.Model` of the same layer names, weights, inputs and outputs. Calibrate it before
        anything else.

    Raises:
        UserError: a layer that int8 has no rule for; it is named.
    """
    flat = integer_form(model)
    rounded = roundings(flat)
    twins, made = {}, Counter()

    def twin(layer):
        if id(layer) not in twins:
            twins[id(layer)] = layer, _twin(layer, per_channel)
        return twins[id(layer)][1]

    def call(node, *args, **kwargs):
        x = twin(node.operation)(*args, **kwargs)
        if isinstance(node.operation, layers.Rescaling):
            return _rounded_input(node.operation, x)
        how, name = rounded[id(node)], f"{node.operation.name}_quant"
        if how is None:
            return x
        made[name] += 1  # a shared layer has a range for each of its calls
        name += f"_{made[name]}" if made[name] > 1 else ""
        return FakeQuant(None if how == WATCHED else how, name=name)(x)

    inputs = new_inputs(flat)
    quantized = keras.Model(inputs, walk(flat, inputs, call), name=flat.name)
    for layer, copy in twins.values():
        copy.set_weights(layer.get_weights())
        copy.trainable = layer.trainable
    return quantized


def _twin(layer, per_channel):
    """A copy of a layer that rounds its kernel, where it has one."""
    config = layer.get_config()
    for base, quantized in TWINS.items():
        if type(layer) is base:
            return quantized(**config, per_channel=per_channel and base in PER_CHANNEL)
    refuse_unknown(layer)
    kind = FusedBatchNormalization if type(layer) is layers.BatchNormalization else type(layer)
    return kind.from_config(config)


def refuse_unknown(layer):
    """UserError where int8 has no rule for a layer."""
    if not isinstance(layer, KNOWN):
        kind = type(layer).__name__
        raise UserError(f"{layer.name}: int8 has no rule for a {kind} layer; leave it float")


def activation_name(layer):
    """The name of the activation that a layer is, or None."""
    if isinstance(layer, layers.ReLU):
        plain = layer.negative_slope == 0 and layer.threshold == 0
        return {None: "relu", 6.0: "relu6"}.get(layer.max_value, "relu_n") if plain else "leaky"
    if isinstance(layer, layers.Softmax):
        return "softmax"
    return layer.activation.__name__ if isinstance(layer, layers.Activation) else None


def roundings(model):
    """Where the int8 kernels of TFLite round, in a model that `integer_form` gave.

    Returns:
        id of a node -> None, `WATCHED` (a range that follows the data), or (low, high).
    """
    makers = {id(x): node for node in nodes(model) for x in node.outputs}
    takers = consumers(model)
    ends = {id(x) for x in model.outputs}

    def only_taker(node):
        followers = takers.get(id(node.outputs[0]), [])
        return followers[0] if len(followers) == 1 and id(node.outputs[0]) not in ends else None

    def takes_any_scale(x):
        node = makers.get(id(x))
        return node is not None and only_taker(node) is not None and _how(node) == WATCHED

    def fused(node):
        """Whether one kernel computes this node together with the only one that takes it."""
        follower = only_taker(node)
        if follower is None:
            return False
        if isinstance(follower.operation, layers.BatchNormalization):
            return isinstance(node.operation, FOLDS_NORMALIZATION)
        if isinstance(follower.operation, layers.Concatenate):
            return all(map(takes_any_scale, follower.input_tensors))
        relu = activation_name(follower.operation) in ("relu", "relu6")
        return relu and isinstance(node.operation, FUSES_RELU)

    return {id(node): None if fused(node) else _how(node) for node in nodes(model)}


def _how(node):
    """How a node is rounded where nothing is fused."""
    name = activation_name(node.operation)
    if isinstance(node.operation, PASS_THROUGH) or name == "linear":
        return None
    return FIXED_RANGES.get(name, WATCHED)


def _rounded_input(rescaling, x):
    """Rounds normalized pixels at the 256 values they can take."""
    scale, offset = (np.asarray(v).item() for v in (rescaling.scale, rescaling.offset))
    ends = [v * scale + offset for v in PIXELS]
    return FakeQuant((min(ends), max(ends)), name=f"{rescaling.name}_quant")(x)


def calibrate(model, batches):
    """Sets every watched range to the extremes it meets in `batches` of raw pixels."""
    watched = [layer for layer in model.layers if isinstance(layer, FakeQuant)]
    for layer in watched:
        layer.calibrating = True
    for images in batches:
        model(images, training=False)
    for layer in watched:
        layer.calibrating = False

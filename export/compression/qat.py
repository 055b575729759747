"""Quantization-aware training for Keras 3: where to round, and the model that rounds there.

A model is rebuilt with `FakeQuant` exactly where the int8 kernels of TFLite requantize: after a
convolution with its normalization and ReLU, after Add, Multiply and Concatenate, after an
activation of its own kernel. Nowhere between the parts that one kernel fuses, and nowhere after an
operation that keeps its input's scale (padding, pooling, reshaping).

Batch normalization is not rounded: with a scale for each channel, folding it into the kernel
moves scale and weights alike, so the converter's fold equals this simulation.
"""

import keras
import numpy as np
from keras import layers

from export.compression.quantized_layers import PER_CHANNEL, TWINS, FakeQuant
from kerascnn.errors import UserError
from kerascnn.models.graph import canonical, consumers, walk

PASS_THROUGH = (
    layers.MaxPooling1D, layers.MaxPooling2D, layers.AveragePooling1D, layers.AveragePooling2D,
    layers.GlobalMaxPooling1D, layers.GlobalMaxPooling2D, layers.ZeroPadding1D,
    layers.ZeroPadding2D, layers.Cropping1D, layers.Cropping2D, layers.Flatten, layers.Reshape,
    layers.Permute, layers.Dropout, layers.SpatialDropout1D, layers.SpatialDropout2D,
)  # fmt: skip
REQUANTIZED = (
    layers.Add, layers.Subtract, layers.Multiply, layers.Concatenate,
    layers.GlobalAveragePooling1D, layers.GlobalAveragePooling2D,
)  # fmt: skip
# The output quantization that TFLite's kernels demand.
FIXED_RANGES = {"sigmoid": (0.0, 255 / 256), "tanh": (-1.0, 127 / 128), "softmax": (0.0, 255 / 256)}
PIXELS = (0.0, 255.0)


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
    flat = canonical(model)
    takers = consumers(flat)
    outputs = {id(x) for x in keras.tree.flatten(flat.outputs)}
    twins = {}

    def twin(layer):
        if id(layer) not in twins:
            twins[id(layer)] = layer, _twin(layer, per_channel)
        return twins[id(layer)][1]

    def call(node, *args, **kwargs):
        x = twin(node.operation)(*args, **kwargs)
        if isinstance(node.operation, layers.Rescaling):
            return _rounded_input(node.operation, x)
        if not _requantizes(node.operation) or _fused_into_next(node, takers, outputs):
            return x
        fixed = FIXED_RANGES.get(activation_name(node.operation))
        return FakeQuant(fixed, name=f"{node.operation.name}_quant")(x)

    inputs = [keras.Input(batch_shape=x.shape, dtype=x.dtype, name=x.name) for x in flat.inputs]
    quantized = keras.Model(inputs, walk(flat, inputs, call), name=flat.name)
    for layer, copy in twins.values():
        copy.set_weights(layer.get_weights())
    return quantized


def _twin(layer, per_channel):
    """A copy of a layer that rounds its kernel, where it has one."""
    config = layer.get_config()
    for base, quantized in TWINS.items():
        if type(layer) is base:
            return quantized(**config, per_channel=per_channel and base in PER_CHANNEL)
    known = (
        *PASS_THROUGH, *REQUANTIZED, layers.BatchNormalization, layers.ReLU, layers.Activation,
        layers.Rescaling, layers.Softmax,
    )  # fmt: skip
    if not isinstance(layer, known):
        kind = type(layer).__name__
        raise UserError(f"{layer.name}: int8 has no rule for a {kind} layer; leave it float")
    return type(layer).from_config(config)


def activation_name(layer):
    """The name of the activation that a layer is, or None."""
    if isinstance(layer, layers.ReLU):
        plain = layer.negative_slope == 0 and layer.threshold == 0
        return {None: "relu", 6.0: "relu6"}.get(layer.max_value, "relu_n") if plain else "leaky"
    if isinstance(layer, layers.Softmax):
        return "softmax"
    return layer.activation.__name__ if isinstance(layer, layers.Activation) else None


def _requantizes(layer):
    """Whether the int8 kernel of this layer gives its output a scale of its own."""
    return not isinstance(layer, PASS_THROUGH) and activation_name(layer) != "linear"


def _fused_into_next(node, takers, outputs):
    """Whether one int8 kernel computes this node together with the only one that takes it."""
    tensor = node.outputs[0]
    followers = takers.get(id(tensor), [])
    if id(tensor) in outputs or len(followers) != 1:
        return False
    follower = followers[0].operation
    if isinstance(follower, layers.BatchNormalization):
        return hasattr(node.operation, "kernel")
    if isinstance(follower, layers.Concatenate):
        return True
    return activation_name(follower) in ("relu", "relu6")


def _rounded_input(rescaling, x):
    """Rounds normalized pixels at the 256 values they can take."""
    low, high = (v * np.asarray(rescaling.scale) + np.asarray(rescaling.offset) for v in PIXELS)
    if np.ndim(low):
        raise UserError(
            "data.normalize: int8 needs one mean and one std for all channels, got one a channel"
        )
    return FakeQuant((float(low), float(high)), name="normalize_quant")(x)


def calibrate(model, batches):
    """Sets every watched range to the extremes it meets in `batches` of raw pixels."""
    watched = [layer for layer in model.layers if isinstance(layer, FakeQuant)]
    for layer in watched:
        layer.calibrating = True
    for images in batches:
        model(images, training=False)
    for layer in watched:
        layer.calibrating = False

"""Quantization-aware training for Keras 3: where to round, and the model that rounds there.

A model is rebuilt with `FakeQuant` exactly where the int8 kernels of TFLite requantize: after a
convolution with its normalization and ReLU, after Add, Multiply and Concatenate, after an
activation of its own kernel. Nowhere between the parts that one kernel fuses, and nowhere after an
operation that hands on its input's integers (padding, maxima, reshaping). One that averages them,
and keeps their scale, is rounded by the very range of its input.

Nowhere before a Concatenate either, if each of its inputs can take its scale. Where one cannot,
since others take it too, TFLite would give all of them the scale of that one. So each gets a range
for the converter to see; but a kernel that nothing else takes writes into the concatenation with
its scale at once, and the simulation rounds it there alone (`ABSORBED`).

A batch normalization is not rounded: it is folded into the kernel in front, and what is rounded is
the kernel with it (see `folded_normalization`).
"""

import fnmatch
from collections import Counter

import keras
import numpy as np
from keras import layers

import kerascnn.layers as ours
from export.compression.folded_normalization import TRAINING_ONLY, FoldedBatchNormalization
from export.compression.integer_form import integer_form, is_excluded
from export.compression.quantized_activations import activation_twin, saturation
from export.compression.quantized_layers import PER_CHANNEL, TWINS, FakeQuant
from kerascnn.errors import UserError
from kerascnn.models.graph import canonical, consumers, new_inputs, nodes, walk

PASS_THROUGH = (
    layers.MaxPooling2D, layers.AveragePooling2D, layers.GlobalMaxPooling2D, layers.ZeroPadding2D,
    layers.Cropping2D, layers.Flatten, layers.Reshape, layers.Permute, layers.RepeatVector,
    layers.Resizing, ours.CeilMaxPooling2D, ours.SpatialPyramidPooling2D, ours.ChannelShuffle,
    ours.ChannelSplit, ours.ChannelZeroPadding, ours.DepthToSpace, *TRAINING_ONLY,
)  # fmt: skip
# Kernels of several inputs that have all of them, and the output, on one scale.
ONE_SCALE = (layers.Concatenate, layers.Maximum, layers.Minimum)
REQUANTIZED = (
    layers.Add, layers.Subtract, layers.Multiply, *ONE_SCALE, layers.GlobalAveragePooling2D,
)  # fmt: skip
ACTIVATIONS = (
    layers.ReLU, layers.LeakyReLU, layers.PReLU, layers.ELU, layers.Softmax, layers.Activation,
)  # fmt: skip
KNOWN = (
    *TWINS, *PASS_THROUGH, *REQUANTIZED, *ACTIVATIONS, layers.BatchNormalization, layers.Rescaling,
)  # fmt: skip
KNOWN_ACTIVATIONS = (
    "relu", "relu6", "leaky_relu", "elu", "sigmoid", "tanh", "hard_silu", "softmax", "linear",
    "gelu", "exponential", "log", "magnitude", "saturating",
)  # fmt: skip
INTERPOLATIONS = ("nearest", "bilinear")
# The output quantization that TFLite's kernels demand.
FIXED_RANGES = {"sigmoid": (0.0, 255 / 256), "tanh": (-1.0, 127 / 128), "softmax": (0.0, 255 / 256)}
PIXELS = (0.0, 255.0)
WATCHED = "watched"
ABSORBED = "absorbed"
FUSES_RELU = (
    layers.Conv2D, layers.DepthwiseConv2D, layers.Conv2DTranspose, layers.BatchNormalization,
    layers.Dense, layers.Add, layers.Subtract, layers.Multiply,
)  # fmt: skip


def quantize(model, *, per_channel=True, exclude=()):
    """Rebuilds a model so that it trains, and predicts, with int8 weights and activations.

    Args:
        model: functional or sequential; takes raw pixels, 0..255.
        per_channel: a scale for each output channel of a convolution, else one a tensor.
        exclude: shell patterns of the names of layers that stay float, with their weights. Their
            outputs are rounded where an int8 layer takes them, and at the end of the network. What
            TFLite computes without weights, between two roundings or on the scale of its input
            (as the mean inside a LayerNormalization), is int8 in the file all the same.

    Returns:
        A `keras.Model` of the same layer names, weights, inputs and outputs. Calibrate it before
        anything else.

    Raises:
        UserError: a layer that int8 has no rule for; it is named. A pattern that no layer has.
    """
    _refuse_unmatched(exclude, model)
    flat = integer_form(model, exclude=exclude, folds_itself=True)
    rounded = roundings(flat, exclude=exclude)
    twins, made = {}, Counter()
    rounders = {}  # id of a tensor -> what rounded it

    def twin(layer):
        if id(layer) not in twins:
            twins[id(layer)] = layer, _twin(layer, per_channel, is_excluded(layer, exclude))
        return twins[id(layer)][1]

    def call(node, *args, **kwargs):
        x = twin(node.operation)(*args, **kwargs)
        before = rounders.get(id(keras.tree.flatten((args, kwargs))[0]))
        if before is not None and (halves := halves_of(node.operation)):
            x = before(x, halves=halves)
        if isinstance(node.operation, PASS_THROUGH) and before is not None:
            rounders.update((id(y), before) for y in keras.tree.flatten(x))
        how, name = rounded[id(node)], f"{node.operation.name}_quant"
        if how is None:
            return x
        made[name] += 1  # a shared layer has a range for each of its calls
        name += f"_{made[name]}" if made[name] > 1 else ""
        fixed = None if how in (WATCHED, ABSORBED) else how
        rounder = FakeQuant(fixed, absorbed=how == ABSORBED, name=name)
        x = rounder(x)
        rounders[id(x)] = rounder
        return x

    inputs = new_inputs(flat)
    quantized = keras.Model(inputs, walk(flat, inputs, call), name=flat.name)
    for layer, copy in twins.values():
        added = copy.get_weights()[len(layer.weights) :]
        copy.set_weights([*layer.get_weights(), *added])
        copy.trainable = layer.trainable
    return quantized


def _twin(layer, per_channel, excluded):
    """A copy of a layer that rounds its kernel, where it has one, or knows that it does not."""
    config = layer.get_config()
    for base, quantized in TWINS.items():
        if type(layer) is base:
            scales = {"per_channel": per_channel and base in PER_CHANNEL}
            return quantized(**config, **scales, rounds=not excluded)
    if not excluded:
        refuse_unknown(layer)
        if special := activation_twin(layer):
            return special
    if type(layer) is layers.BatchNormalization:
        return FoldedBatchNormalization(**config)
    return _copy(layer)


def _copy(layer):
    """Another of the same; an operation of Keras, which has nothing to learn, as it is."""
    return type(layer).from_config(layer.get_config()) if hasattr(layer, "weights") else layer


def halves_of(layer):
    """Where the kernel of a layer that averages integers rounds halves; None for other layers."""
    if isinstance(layer, layers.AveragePooling2D):
        return "away"
    bilinear = isinstance(layer, layers.Resizing) and layer.interpolation == "bilinear"
    return "up" if bilinear else None


def refuse_unknown(layer):
    """UserError where int8 has no rule for a layer."""
    kind, activation = type(layer).__name__, activation_name(layer)
    if not isinstance(layer, KNOWN):
        reason = f"a {kind} layer"
    elif activation is not None and activation not in KNOWN_ACTIVATIONS:
        reason = f"the activation {activation}"
    elif isinstance(layer, layers.Resizing) and layer.interpolation not in INTERPOLATIONS:
        reason = f"{layer.interpolation} interpolation"
    else:
        return
    raise UserError(
        f"{layer.name}: int8 has no rule for {reason}; leave it float: exclude {layer.name!r}"
    )


def _refuse_unmatched(exclude, model):
    if not exclude:
        return
    names = [node.operation.name for node in nodes(canonical(model))]
    for pattern in exclude:
        if not fnmatch.filter(names, pattern):
            raise UserError(f"exclude: no layer of {model.name} is called {pattern!r}")


def activation_name(layer):
    """The name of the activation that a layer is, or None."""
    if saturation(layer):
        return "saturating"
    if isinstance(layer, layers.ReLU):
        settings = layer.max_value, bool(layer.negative_slope), layer.threshold
        names = {
            (None, False, 0): "relu", (6.0, False, 0): "relu6", (None, True, 0): "leaky_relu",
        }  # fmt: skip
        unknown = f"ReLU(max_value={layer.max_value}, negative_slope={layer.negative_slope}, "
        return names.get(settings, f"{unknown}threshold={layer.threshold})")
    if isinstance(layer, layers.ELU):
        return "elu" if layer.alpha == 1 else f"ELU(alpha={layer.alpha})"
    if isinstance(layer, layers.Softmax):
        return "softmax"
    if isinstance(layer, layers.LeakyReLU):
        return "leaky_relu"
    return layer.activation.__name__ if isinstance(layer, layers.Activation) else None


def roundings(model, *, exclude=()):
    """Where the int8 kernels of TFLite round, in a model that `integer_form` gave.

    exclude: as for `quantize`.

    Returns:
        id of a node -> None, `WATCHED` (a range that follows the data), `ABSORBED` (the same, for
        the converter alone), or (low, high).
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
        while follower is not None and isinstance(follower.operation, TRAINING_ONLY):
            follower = only_taker(follower)
        if follower is None:
            return False
        if isinstance(follower.operation, layers.BatchNormalization):
            return hasattr(node.operation, "kernel")
        if isinstance(follower.operation, ONE_SCALE):
            return all(map(takes_any_scale, follower.input_tensors))
        relu = activation_name(follower.operation) in ("relu", "relu6")
        return (relu or saturation(follower.operation)) and isinstance(node.operation, FUSES_RELU)

    def absorbed(node):
        """Whether the kernel of this node writes with the scale of what takes it."""
        follower = only_taker(node)
        joins = follower is not None and isinstance(follower.operation, ONE_SCALE)
        return joins and not is_excluded(follower.operation, exclude) and _how(node) == WATCHED

    def how(node):
        if fused(node):
            return None
        if is_excluded(node.operation, exclude):
            followers = [x for end in node.outputs for x in takers.get(id(end), ())]
            floats = followers and all(is_excluded(x.operation, exclude) for x in followers)
            return None if floats or len(node.outputs) > 1 else WATCHED
        return ABSORBED if absorbed(node) else _how(node)

    return {id(node): how(node) for node in nodes(model)}


def _how(node):
    """How a node is rounded where nothing is fused."""
    name = activation_name(node.operation)
    if limits := saturation(node.operation):
        return limits
    if isinstance(node.operation, layers.Rescaling):
        return _range_of_pixels(node.operation)
    if isinstance(node.operation, PASS_THROUGH) or name == "linear":
        return None
    return FIXED_RANGES.get(name, WATCHED)


def _range_of_pixels(rescaling):
    """Normalized pixels are rounded at the 256 values they can take."""
    scale, offset = (np.asarray(v).item() for v in (rescaling.scale, rescaling.offset))
    ends = [v * scale + offset for v in PIXELS]
    return min(ends), max(ends)


def calibrate(model, batches):
    """Sets every watched range to the extremes it meets in `batches` of raw pixels."""
    watched = [layer for layer in model.layers if isinstance(layer, FakeQuant)]
    for layer in watched:
        layer.calibrating = True
    for images in batches:
        model(images, training=False)
    for layer in watched:
        layer.calibrating = False

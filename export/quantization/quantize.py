"""Quantization-aware training for Keras 3: where to round, and the model that rounds there.

A model is rebuilt with `FakeQuant` exactly where the int8 kernels of TFLite requantize: see
`rounding_places`. An operation that averages integers, and keeps their scale, is rounded by the
very range of its input.

A batch normalization is not rounded: it is folded into the kernel in front, and what is rounded is
the kernel with it (see `folded_normalization`).
"""

import fnmatch
from collections import Counter

import keras
from keras import layers

from kerascnn.errors import UserError
from kerascnn.models.graph import canonical, maker, new_inputs, nodes, walk

from ..integer_form.operations import ONE_SCALE, PASS_THROUGH, activation_name, is_excluded
from ..integer_form.rewrite import integer_form
from .folded_normalization import FoldedBatchNormalization
from .placement import ABSORBED, WATCHED, roundings, shared_ranges
from .portions import portions
from .quantized_activations import activation_twin
from .quantized_layers import PER_CHANNEL, TWINS, FakeQuant

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
    shared = shared_ranges(flat, rounded, exclude=exclude)
    twins, made = {}, Counter()
    ranges, filled = {}, Counter()  # id of the first node of a range -> its rounder, calls of it
    rounders = {}  # id of a tensor -> what rounded it

    def twin(layer):
        if id(layer) not in twins:
            twins[id(layer)] = layer, _twin(layer, per_channel, is_excluded(layer, exclude))
        return twins[id(layer)][1]

    def call(node, *args, **kwargs):
        before = rounders.get(id(keras.tree.flatten((args, kwargs))[0]))
        if before is not None and averages_what_is_handed_on(node.operation, args[0]):
            args = (before(args[0], place=None),)
        x = twin(node.operation)(*args, **kwargs)
        if before is not None and (halves := halves_of(node.operation)):
            x = before(x, halves=halves)
        if isinstance(node.operation, PASS_THROUGH) and before is not None:
            rounders.update((id(y), before) for y in keras.tree.flatten(x))
        how = rounded[id(node)]
        if how is None:
            return x
        first, places = shared.get(id(node), (node, 1))
        if id(first) not in ranges:
            name = f"{first.operation.name}_quant"
            made[name] += 1  # a shared layer has a range for each of its calls
            name += f"_{made[name]}" if made[name] > 1 else ""
            fixed = None if how in (WATCHED, ABSORBED) else how
            ranges[id(first)] = FakeQuant(fixed, places=places, name=name)
        rounder = ranges[id(first)]
        x = rounder(x, place=None if how == ABSORBED else filled[id(first)])
        filled[id(first)] += how != ABSORBED
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


def averages_what_is_handed_on(layer, x):
    """Whether the converter must be told the range of what goes into a layer.

    It knows that a pooling, or a padding, gives out the range that it takes; but where an average
    and others take that, it makes the others float.
    """
    return isinstance(layer, layers.AveragePooling2D) and not isinstance(maker(x), FakeQuant)


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


def calibrate(model, batches):
    """Sets every watched range to the extremes it meets in `batches` of raw pixels."""
    watched = [layer for layer in model.layers if isinstance(layer, FakeQuant)]
    for layer in watched:
        layer.calibrating = True
    for images in portions(model, batches):
        model(images, training=False)
    for layer in watched:
        layer.calibrating = False

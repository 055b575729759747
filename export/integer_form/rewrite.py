"""A network in operations that int8 has kernels for: what has none is written in those that have.

A kernel of TFLite computes a convolution with a bias and an activation behind it; a batch
normalization or a rescaling that follows no convolution belongs to none. Written as a 1x1 depthwise
convolution, it does.
"""

import itertools
from collections import Counter

import keras
import numpy as np
from keras import layers

import kerascnn.layers as ours
from kerascnn.models.graph import canonical, consumers, new_inputs, nodes, walk

from .absorbed_scalings import absorbed_scalings, scaled
from .activations import activation_form
from .affine import scale_and_offset, tensor_and_constant
from .composites import as_plain_layers
from .constant_layers import absorbed, affine, identity, on_image
from .operations import (
    FIXED_RANGES,
    PASS_THROUGH,
    TRAINING_ONLY,
    activation_name,
    is_excluded,
    saturation,
)
from .sequences import sequences_as_images

FOLDED_INTO = (layers.Conv2D, layers.DepthwiseConv2D)  # by TFLite's converter
FOLDED_INTO_TOO = (layers.Conv2DTranspose, layers.Dense)  # by `folded_normalization`


def integer_form(model, *, exclude=(), folds_itself=False):
    """Rewrites a model, without changing what it computes, for int8.

        batch normalization that follows no convolution   behind a 1x1 depthwise one of ones
        x + c, x * c, Rescaling, Normalization            a part of the kernel in front, or a 1x1
                                                          depthwise convolution
        separable convolution, and others of two kernels  convolutions: see `as_plain_layers`
        stochastic depth, the mean of a fractal join      what they are at inference, a part of the
                                                          normalization in front where that can be
        a sum or product of more than two                 of two at a time
        activations that have no table                    those that have: see `activation_form`
        UpSampling2D                                      Resizing
        layers of sequences                               those of images one pixel high
        an input that no Rescaling follows                one with scale 1: the pixels themselves
        the Rescaling of an input                         one that makes 0 of a whole pixel

    Args:
        model: functional or sequential; takes raw pixels, 0..255.
        exclude: shell patterns of the names of layers that stay as they are.
        folds_itself: the file will be written with `folded_normalization.folded`, which can fold
            more than TFLite's converter: into dense layers, transposed and shared convolutions.

    Returns:
        A `keras.Model` with the same inputs, outputs and layer names, except for what is above.
        The depthwise convolutions that were put in are not trainable.

    Raises:
        UserError: a constant, or a normalization alone, on what is neither image nor vector.
    """
    flat = canonical(model)
    without_constant, factors = absorbed_scalings(flat)
    for layer in flat.layers:
        if layer.name in factors:
            layer.set_weights(scaled(layer, layer.get_weights(), factors[layer.name]))
    flat = as_plain_layers(sequences_as_images(flat))
    calls = {}
    for node in nodes(flat):
        calls.setdefault(id(node.operation), []).append(node)
    makers = {id(x): node for node in nodes(flat) for x in node.outputs}
    takers = consumers(flat)
    inputs = {id(x) for x in flat.inputs}
    ends = {id(x) for x in flat.outputs}
    pixels_made = inputs | {
        id(node.outputs[0])
        for node in nodes(flat)
        if isinstance(node.operation, layers.Rescaling) and id(node.input_tensors[0]) in inputs
    }
    normalizations = {}  # by their id: layers may be shared
    numbers = itertools.count(1)  # of identities

    def normalizes_pixels(node):
        """By one scale and one offset, which the quantization of the input can express."""
        layer, source = node.operation, id(node.input_tensors[0])
        return (
            isinstance(layer, layers.Rescaling)
            and source in inputs
            and np.size(layer.scale) == np.size(layer.offset) == 1
            and np.asarray(layer.scale).item() > 0
            and 0 <= zero_pixel(layer) <= 255
            and all(taker.operation is layer for taker in takers[source])
        )

    def only_taker(x):
        """The operation that nothing but training stands in front of; None where x goes on else."""
        operations = [taker.operation for taker in takers.get(id(x), ())]
        if id(x) in ends or len(operations) != 1:
            return None
        if isinstance(operations[0], TRAINING_ONLY):
            return only_taker(takers[id(x)][0].outputs[0])
        return operations[0]

    def alone_behind(kinds, node):
        """Whether a node takes what a layer of `kinds` gives, and nothing else does."""
        maker = makers.get(id(node.input_tensors[0]))
        while maker is not None and isinstance(maker.operation, TRAINING_ONLY):
            maker = makers.get(id(maker.input_tensors[0]))
        if maker is None or not isinstance(maker.operation, kinds):
            return False
        sources = [call.outputs[0] for call in calls[id(maker.operation)]]
        return (len(sources) == 1 or folds_itself) and all(
            only_taker(x) is node.operation for x in sources
        )

    def folds(node):
        """Whether the kernel of the layer in front absorbs a batch normalization."""
        return alone_behind((*FOLDED_INTO, *(FOLDED_INTO_TOO if folds_itself else ())), node)

    def free(x, node):
        """Whether x can have the scale of what a node, which joins tensors, gives."""
        while id(x) in makers and isinstance(makers[id(x)].operation, PASS_THROUGH):
            x = makers[id(x)].input_tensors[0]
        if id(x) in pixels_made or isinstance(node.operation, layers.Concatenate):
            return id(x) not in pixels_made
        maker = makers[id(x)].operation
        return not saturation(maker) and activation_name(maker) not in FIXED_RANGES

    called = Counter()

    def call(node, *args, **kwargs):
        layer = node.operation
        called[layer.name] += 1  # layers may be shared; those that are put in are not
        name = layer.name if called[layer.name] == 1 else f"{layer.name}_call{called[layer.name]}"
        absorbs = layer.name in without_constant
        constants = absorbed if folds(node) else affine
        x, constant, first = tensor_and_constant(args, keras.KerasTensor)
        linear = scale_and_offset(layer, constant, tensor_first=first)
        if normalizes_pixels(node):
            scale = np.asarray(layer.scale).item()
            return layers.Rescaling(scale, -zero_pixel(layer) * scale, name=layer.name)(args[0])
        if linear:
            return constants(args[0] if x is None else x, *linear, name)
        needed = absorbs or isinstance(layer, layers.BatchNormalization)
        if is_excluded(layer, exclude) and not needed:
            return layer(*args, **kwargs)
        match layer:
            case layers.BatchNormalization() if not folds(node):
                return _normalized(layer, args[0], normalizations, numbers, name)
            case ours.StochasticDepth():
                return args[0] if absorbs else affine(args[0], layer.survival, 0.0, name)
            case ours.FractalJoin() | layers.Average() if len(args[0]) > 1:
                total = _by_twos(layers.Add, args[0], name if absorbs else f"{name}_sum")
                return total if absorbs else affine(total, 1 / len(args[0]), 0.0, name)
            case layers.Concatenate() | layers.Maximum() | layers.Minimum():
                # The converter would give the input the scale of what joins it; and to extrema it
                # may give what has a scale of its own with that.
                parts = zip(args[0], node.input_tensors, strict=True)
                return layer([
                    x if free(old, node) else identity(x, next(numbers), f"{name}_input_{i}")
                    for i, (x, old) in enumerate(parts, 1)
                ])  # fmt: skip
            case layers.UpSampling2D():
                sizes = [n * s for n, s in zip(args[0].shape[1:3], layer.size, strict=True)]
                return layers.Resizing(*sizes, layer.interpolation, name=name)(args[0])
            case layers.Add() | layers.Multiply() if len(args[0]) > 2:
                return _by_twos(type(layer), args[0], name)
        alone = alone_behind((*FOLDED_INTO, *FOLDED_INTO_TOO, layers.BatchNormalization), node)
        made = activation_form(layer, args[0], name, first=constants, alone=alone)
        return layer(*args, **kwargs) if made is None else made

    images = new_inputs(flat)
    pixels = [
        image
        if all(map(normalizes_pixels, takers[id(old)]))
        else layers.Rescaling(1.0, name=f"{old.name}_pixels")(image)
        for old, image in zip(flat.inputs, keras.tree.flatten(images), strict=True)
    ]
    return keras.Model(images, walk(flat, pixels, call), name=flat.name)


def zero_pixel(rescaling):
    """The pixel that a Rescaling makes 0 of, or the nearest: of 127.5, which is none, 128."""
    scale, offset = (np.asarray(v).item() for v in (rescaling.scale, rescaling.offset))
    return int(np.rint(-offset / scale))


def _normalized(layer, x, copies, numbers, name):
    """A batch normalization behind a depthwise convolution that it folds into.

    copies: of such layers, with a number each, by their id; a layer may be shared.
    """

    def normalize(image):
        if id(layer) not in copies:
            config = {**layer.get_config(), "axis": -1}
            copy = layers.BatchNormalization.from_config(config)
            copy.build(image.shape)
            copy.set_weights(layer.get_weights())
            copies[id(layer)] = next(numbers), copy
        number, copy = copies[id(layer)]
        return copy(identity(image, number, f"{name}_identity"))

    return on_image(normalize, x, name)


def _by_twos(kind, tensors, name):
    """A sum or product, a layer `name` at the end and numbered ones before it."""
    x, *others = tensors
    for left, y in zip(range(len(others) - 1, -1, -1), others, strict=True):
        x = kind(name=f"{name}_{left}" if left else name)([x, y])
    return x

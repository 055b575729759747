"""Channels of one tensor brought to like ranges, so that one scale serves all of them.

Between two convolutions with a ReLU in between, a factor moves freely: output channel i of the
first divided by s_i and input channel i of the second multiplied by s_i compute the same
(cross-layer equalization: Nagel et al., arXiv:1906.04721, section 4.1). The paper chooses s_i by
the weights alone, for kernels of one scale. Where each output channel of a kernel has its own
scale, what suffers from unlike channels is the activation between; then s_i follows its measured
range, against the weights that must take the factor up (Xiao et al., arXiv:2211.10438, section 4,
with alpha 1/2), or in full where the second is a depthwise convolution, which has a scale for each
of them.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import layers, ops

import kerascnn.layers as ours
from kerascnn.console import quiet_tensorflow
from kerascnn.models.graph import consumers, new_inputs, nodes, walk

from ..integer_form.rewrite import integer_form
from .portions import portions

WEIGHTED = (layers.Conv2D, layers.DepthwiseConv2D, layers.Dense)
# What keeps channels apart and factors as they are: f(s x) = s f(x), channel by channel, s > 0.
HOMOGENEOUS = (
    layers.MaxPooling2D,
    layers.AveragePooling2D,
    layers.GlobalMaxPooling2D,
    layers.GlobalAveragePooling2D,
    layers.ZeroPadding2D,
    layers.Cropping2D,
    layers.Flatten,
    layers.Dropout,
    layers.SpatialDropout2D,
    layers.LeakyReLU,
    ours.CeilMaxPooling2D,
)
LIMIT = 1e4  # of a factor, either way: float32 keeps its digits
PASSES = 20  # by the weights alone, pairs in a row disturb each other and settle within a few


@dataclass(frozen=True)
class Equalized:
    """model: the equalized copy. pairs: (first, second layer) that factors moved between.

    unclipped: ReLU6 layers that became ReLU, since no image reached 6. clipping: those that some
    image reaches 6 in, so that the pairs around them were left as they are.
    """

    model: keras.Model
    pairs: tuple
    unclipped: tuple
    clipping: tuple


@dataclass
class _Pair:
    """A first layer, its batch normalization or None, the second layer, the tensor in between."""

    first: keras.Layer
    normalization: keras.Layer | None
    second: keras.Layer
    between: object
    caps: list


def equalize(
    model: keras.Model,
    batches: Iterable[Any],
    *,
    per_channel: bool = True,
    exclude: Sequence[str] = (),
    pixels: Sequence[bool] | None = None,
) -> Equalized:
    """Equalizes what can be, in a copy of a float model in the operations of int8.

    Args:
        model: functional or sequential; takes raw pixels, 0..255.
        batches: raw pixels, (n, height, width, channels), to measure ranges on.
        per_channel, exclude, pixels: as for `quantize`, which the copy is meant for.

    Returns:
        An `Equalized`, whose model computes what `model` computes.
    """
    flat = integer_form(model, exclude=exclude, folds_itself=True, pixels=pixels)
    pairs = _pairs(flat)
    tops = _tops(flat, pairs, batches)
    clipping = {
        cap.name
        for pair in pairs
        for cap in pair.caps
        if tops[id(pair.between)].max() >= cap_of(cap)
    }
    pairs = [pair for pair in pairs if not {cap.name for cap in pair.caps} & clipping]
    unclipped = {cap.name for pair in pairs for cap in pair.caps}
    ranges = {id(pair): tops[id(pair.between)] for pair in pairs}
    for _ in range(1 if per_channel else PASSES):
        for pair in pairs:
            _move(pair, ranges[id(pair)] if per_channel else None)
    return Equalized(
        _without_caps(flat, unclipped),
        tuple((pair.first.name, pair.second.name) for pair in pairs),
        tuple(sorted(unclipped)),
        tuple(sorted(clipping)),
    )


def _is_relu(layer):
    """ReLU, or ReLU with a cap; not one with a slope or a threshold."""
    if isinstance(layer, layers.ReLU):
        return layer.threshold == 0
    return isinstance(layer, layers.Activation) and layer.activation in (
        keras.activations.relu,
        keras.activations.relu6,
        keras.activations.linear,
    )


def cap_of(layer: keras.Operation) -> float:
    """The largest value that a ReLU gives; infinity without a cap."""
    if isinstance(layer, layers.ReLU):
        return np.inf if layer.max_value is None else float(layer.max_value)
    capped = isinstance(layer, layers.Activation) and layer.activation is keras.activations.relu6
    return 6.0 if capped else np.inf


def _pairs(flat):
    """The pairs of a model, inputs first."""
    consumers_of = consumers(flat)
    calls = Counter(id(node.operation) for node in nodes(flat))
    ends = {id(x) for x in flat.outputs}
    found = []
    for node in nodes(flat):
        first = node.operation
        if not isinstance(first, WEIGHTED) or calls[id(first)] > 1:
            continue
        normalization, caps, between, at = None, [], node.outputs[0], node
        while True:
            followers = consumers_of.get(id(at.outputs[0]), [])
            if len(followers) != 1 or id(at.outputs[0]) in ends:
                break
            at = followers[0]
            layer = at.operation
            if calls[id(layer)] > 1:
                break
            if isinstance(layer, WEIGHTED):
                if normalization is None or normalization.scale:
                    found.append(_Pair(first, normalization, layer, between, caps))
                break
            if isinstance(layer, layers.BatchNormalization) and between is node.outputs[0]:
                normalization, between = layer, at.outputs[0]
            elif _is_relu(layer):
                caps += [layer] if np.isfinite(cap_of(layer)) else []
                between = at.outputs[0]
            elif not isinstance(layer, HOMOGENEOUS):
                break
    return found


def _tops(flat, pairs, batches):
    """id of the tensor between a pair -> the largest magnitude of each channel.  (channels,)"""
    tensors = {id(pair.between): pair.between for pair in pairs}
    if not tensors:
        return {}
    taps = keras.Model(flat.inputs, list(tensors.values()))
    tops = dict.fromkeys(tensors, np.zeros(()))
    for images in portions(taps, batches):
        with quiet_tensorflow():
            found = keras.tree.flatten(taps.predict_on_batch(images))
        for key, x in zip(tensors, found, strict=True):
            tops[key] = np.maximum(tops[key], np.abs(x).reshape(-1, x.shape[-1]).max(0))
    return tops


def _move(pair, ranges):
    """Moves the factors of one pair, by the ranges between, or by its weights where None."""
    takes = _magnitudes_taken(pair.second, _width(pair.first))
    gives = _magnitudes_given(pair.first, pair.normalization) if ranges is None else ranges
    in_full = ranges is not None and isinstance(pair.second, layers.DepthwiseConv2D)
    # A channel that is dead, or that nobody takes, has no range to bring anywhere.
    alive = (gives > 0) & (takes > 0)
    if not alive.any():
        return
    factors = np.ones(len(gives))
    factors[alive] = gives[alive] if in_full else np.sqrt(gives[alive] / takes[alive])
    if ranges is not None:
        factors[alive] /= np.exp(np.mean(np.log(factors[alive])))  # the tensor as a whole stays
    factors = factors.clip(1 / LIMIT, LIMIT)
    _scale_outputs(pair.first, pair.normalization, 1 / factors)
    _scale_inputs(pair.second, factors)


def _width(layer):
    """How many output channels a layer has."""
    kernel = layer.kernel.shape
    depthwise = isinstance(layer, layers.DepthwiseConv2D)
    return kernel[-2] * kernel[-1] if depthwise else kernel[-1]


def _magnitudes_given(layer, normalization):
    """The largest weight of each output channel, its normalization folded in.  (channels,)"""
    kernel = ops.convert_to_numpy(layer.kernel).astype("float64")
    largest = np.abs(kernel.reshape(-1, _width(layer))).max(0)
    if normalization is None:
        return largest
    variance = ops.convert_to_numpy(normalization.moving_variance).astype("float64")
    gamma = ops.convert_to_numpy(normalization.gamma).astype("float64")
    return largest * np.abs(gamma) / np.sqrt(variance + normalization.epsilon)


def _by_inputs(layer, kernel, channels):
    """A view of a kernel with the input channels on axis 1, (taps, channels, outputs)."""
    if isinstance(layer, layers.DepthwiseConv2D | layers.Dense):
        # Behind a Flatten the channels come again and again, the last axis of the image.
        return kernel.reshape(-1, channels, kernel.shape[-1])
    groups = channels // kernel.shape[-2]
    split = kernel.reshape(-1, kernel.shape[-2], groups, kernel.shape[-1] // groups)
    return split.transpose(0, 2, 1, 3).reshape(split.shape[0], channels, -1)


def _magnitudes_taken(layer, channels):
    """The largest weight that each input channel meets.  (channels,)"""
    kernel = ops.convert_to_numpy(layer.kernel).astype("float64")
    return np.abs(_by_inputs(layer, kernel, channels)).max((0, 2))


def _scale_inputs(layer, factors):
    kernel = ops.convert_to_numpy(layer.kernel).astype("float64")
    if isinstance(layer, layers.DepthwiseConv2D):
        scaled = kernel * factors[:, None]
    elif isinstance(layer, layers.Dense):
        scaled = kernel * np.tile(factors, len(kernel) // len(factors))[:, None]
    else:
        groups = len(factors) // kernel.shape[-2]
        each = factors.reshape(groups, -1).T.repeat(kernel.shape[-1] // groups, axis=1)
        scaled = kernel * each
    layer.kernel.assign(scaled)


def _scale_outputs(layer, normalization, factors):
    if normalization is not None:
        normalization.gamma.assign(ops.convert_to_numpy(normalization.gamma) * factors)
        if normalization.center:
            normalization.beta.assign(ops.convert_to_numpy(normalization.beta) * factors)
        return
    kernel = ops.convert_to_numpy(layer.kernel).astype("float64")
    shape = kernel.shape[-2:] if isinstance(layer, layers.DepthwiseConv2D) else kernel.shape[-1:]
    layer.kernel.assign(kernel * factors.reshape(shape))
    if layer.use_bias:
        layer.bias.assign(ops.convert_to_numpy(layer.bias) * factors)


def _without_caps(flat, names):
    """The model with the named ReLU6 as ReLU."""
    if not names:
        return flat

    def call(node, *args, **kwargs):
        layer = node.operation
        layer = layers.ReLU(name=layer.name) if layer.name in names else layer
        return layer(*args, **kwargs)

    inputs = new_inputs(flat)
    return keras.Model(inputs, walk(flat, inputs, call), name=flat.name)

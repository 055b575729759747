"""Layers with weights of a form of their own, as the layers that int8 has kernels for.

Each becomes a chain of convolutions, poolings and dense layers that computes the same. The last
one has its name; of two with weights, the first one's name ends in `FIRST`.
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import layers, ops

import kerascnn.layers as ours
from kerascnn.models.graph import new_inputs, nodes, walk

from .operations import PACKAGE


def as_plain_layers(model: keras.Model) -> keras.Model:
    """Rewrites composite layers, those too that are to stay float.

        separable convolution               depthwise convolution, convolution
        spatially separable convolution     convolution by a column, convolution by a row
        partially connected convolution     convolution whose other weights stay zero
        trainable subsampling               average pooling, depthwise convolution
        distances to codes                  dense layer of x and its square
        adaptive average pooling            average poolings of its windows, concatenated

    Args:
        model: what `canonical` gave.

    Returns:
        A model of the same inputs, outputs and layer names; the same model where it has none.
    """
    rules = {
        layers.SeparableConv2D: _separable,
        ours.SpatiallySeparableConv2D: _column_and_row,
        ours.PartiallyConnectedConv2D: _partially_connected,
        ours.TrainableSubsampling2D: _subsampling,
        ours.RadialBasisOutput: _distances,
        layers.AdaptiveAveragePooling2D: _adaptive,
    }
    replacements = {}  # layers may be shared
    for node in nodes(model):
        layer = node.operation
        if type(layer) in rules and id(layer) not in replacements:
            replacements[id(layer)] = rules[type(layer)](layer, node.input_tensors[0].shape[-1])
    if not replacements:
        return model

    def call(node, *args, **kwargs):
        if id(node.operation) not in replacements:
            return node.operation(*args, **kwargs)
        x = args[0]
        for part in replacements[id(node.operation)]:
            x = part(x)
        return x

    inputs = new_inputs(model)
    return keras.Model(inputs, walk(model, inputs, call), name=model.name)


def composite_weights(layer: keras.Layer, stored: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The weights of a composite layer, from those that its parts have now.

    Args:
        layer: the composite layer.
        stored: arrays, the weights of its parts one after the other.
    """
    match layer, stored:
        case ours.PartiallyConnectedConv2D(), (kernel, bias):
            at = [(c, f) for f, seen in enumerate(layer.table) for c in seen]
            return [np.stack([kernel[:, :, c, f] for c, f in at], -1), bias]
        case ours.TrainableSubsampling2D(), (kernel, bias):
            return [kernel.ravel() / layer.pool_size**2, bias]
    return list(stored)


@keras.saving.register_keras_serializable(package=PACKAGE)
class Connected(keras.constraints.Constraint):
    """Holds the weights that a table of connections does not name at zero.

    table: for each filter the input channels it sees, counted from 0.
    """

    def __init__(self, table: Sequence[Sequence[int]]) -> None:
        self.table = tuple(tuple(channels) for channels in table)

    def __call__(self, w):
        mask = np.zeros(w.shape[-2:], "float32")
        for f, channels in enumerate(self.table):
            mask[list(channels), f] = 1
        return w * ops.cast(mask, w.dtype)

    def get_config(self) -> dict[str, Any]:
        return {"table": self.table}


def _filled(layer, channels, weights):
    """A layer for images of so many channels, with these weights."""
    layer.build((None, None, None, channels))
    layer.set_weights(weights)
    return layer


def _separable(layer, channels):
    config, name = layer.get_config(), layer.name
    keys = ("strides", "padding", "dilation_rate", "depth_multiplier", "trainable")
    depthwise = layers.DepthwiseConv2D(
        layer.kernel_size,
        use_bias=False,
        depthwise_regularizer=layer.depthwise_regularizer,
        depthwise_constraint=layer.depthwise_constraint,
        name=f"{name}_depthwise",
        **{key: config[key] for key in keys},
    )
    pointwise = layers.Conv2D(
        layer.filters,
        1,
        use_bias=layer.use_bias,
        trainable=layer.trainable,
        name=name,
        kernel_regularizer=layer.pointwise_regularizer,
        kernel_constraint=layer.pointwise_constraint,
        bias_regularizer=layer.bias_regularizer,
        bias_constraint=layer.bias_constraint,
    )
    first, *rest = layer.get_weights()
    return (
        _filled(depthwise, channels, [first]),
        _filled(pointwise, channels * layer.depth_multiplier, rest),
    )


def _column_and_row(layer, channels):
    (high, wide), (down, right) = layer.kernel_size, layer.strides
    options = {"padding": layer.padding, "trainable": layer.trainable}
    column = layers.Conv2D(
        layer.mid_filters,
        (high, 1),
        (down, 1),
        use_bias=False,
        name=f"{layer.name}_column",
        **options,
    )
    row = layers.Conv2D(
        layer.filters, (1, wide), (1, right), use_bias=layer.use_bias, name=layer.name, **options
    )
    first, *rest = layer.get_weights()
    return _filled(column, channels, [first]), _filled(row, layer.mid_filters, rest)


def _partially_connected(layer, channels):
    compact, bias = layer.get_weights()
    kernel = np.zeros((*layer.kernel_size, channels, len(layer.table)), "float32")
    connections = ((c, f) for f, seen in enumerate(layer.table) for c in seen)
    for i, (c, f) in enumerate(connections):
        kernel[:, :, c, f] = compact[..., i]
    whole = layers.Conv2D(
        len(layer.table),
        layer.kernel_size,
        kernel_constraint=Connected(layer.table),
        trainable=layer.trainable,
        name=layer.name,
    )
    return (_filled(whole, channels, [kernel, bias]),)


def _subsampling(layer, channels):
    coefficient, bias = layer.get_weights()
    mean = layers.AveragePooling2D(layer.pool_size, name=f"{layer.name}_mean")
    scale = layers.DepthwiseConv2D(1, trainable=layer.trainable, name=layer.name)
    kernel = (coefficient * layer.pool_size**2).reshape(1, 1, channels, 1)
    return mean, _filled(scale, channels, [kernel, bias])


def _distances(layer, size):
    """-|x - c|^2 = 2 c x - x^2 - c^2, where x^2 / 2 comes from x and a half of it."""
    name, codes = layer.name, np.asarray(layer.codes, "float32")

    half = layers.Rescaling(0.5, name=f"{name}_half")
    square = layers.Multiply(name=f"{name}_square")
    both = layers.Concatenate(name=f"{name}_both")

    # Both halves of the kernel have the same largest weight where codes are +1 and -1, so that
    # neither loses anything to the one scale.
    kernel = np.concatenate([2 * codes.T, np.full_like(codes.T, -2)])
    dense = layers.Dense(len(codes), trainable=False, name=name)
    dense.build((None, 2 * size))
    dense.set_weights([kernel, -np.square(codes).sum(1)])
    return lambda x: both([x, square([x, half(x)])]), dense


def _adaptive(layer, _):
    """Windows of floor(i n / bins) to ceil((i + 1) n / bins), over the rows, then the columns."""

    def pooled(x):
        (high, wide), (rows, columns) = x.shape[1:3], layer.output_size
        if high % rows == wide % columns == 0:
            return layers.AveragePooling2D((high // rows, wide // columns), name=layer.name)(x)
        x = _averaged(x, 1, rows, f"{layer.name}_rows")
        return _averaged(x, 2, columns, layer.name)

    return (pooled,)


def _averaged(x, axis, bins, name):
    length, parts = x.shape[axis], []
    for i in range(bins):
        start, end = i * length // bins, -(-(i + 1) * length // bins)
        cropping, size = [(0, 0), (0, 0)], [1, 1]
        cropping[axis - 1], size[axis - 1] = (start, length - end), end - start
        window = layers.Cropping2D(cropping, name=f"{name}_window{i}")(x)
        parts.append(layers.AveragePooling2D(size, name=f"{name}_mean{i}")(window))
    return layers.Concatenate(axis=axis, name=name)(parts)

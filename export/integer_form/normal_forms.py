"""What single layers are written as, where int8 has no kernel for them as they are.

A rule takes the `Rewriter`, the node, its first argument and a name that no other call has, and
gives the result; None where the layer can stay as it is.
"""

from keras import layers

import kerascnn.layers as ours

from .constant_layers import affine, identity, on_image


def _normalization(rewriter, node, x, name):
    """A batch normalization that no kernel takes in, behind a depthwise convolution that does."""
    layer = node.operation
    if rewriter.folds(node):
        return None

    def normalize(image):
        if id(layer) not in rewriter.normalizations:
            config = {**layer.get_config(), "axis": -1}
            copy = layers.BatchNormalization.from_config(config)
            copy.build(image.shape)
            copy.set_weights(layer.get_weights())
            rewriter.normalizations[id(layer)] = next(rewriter.numbers), copy
        number, copy = rewriter.normalizations[id(layer)]
        return copy(identity(image, number, f"{name}_identity"))

    return on_image(normalize, x, name)


def _stochastic_depth(rewriter, node, x, name):
    layer = node.operation
    return x if layer.name in rewriter.without_constant else affine(x, layer.survival, 0.0, name)


def _mean(rewriter, node, tensors, name):
    if len(tensors) == 1:
        return None
    absorbs = node.operation.name in rewriter.without_constant
    total = _by_twos(layers.Add, tensors, name if absorbs else f"{name}_sum")
    return total if absorbs else affine(total, 1 / len(tensors), 0.0, name)


def _joined(rewriter, node, tensors, name):
    """The converter would give an input the scale of what joins it; and to extrema it may give
    what has a scale of its own with that."""
    return node.operation(
        [
            x
            if rewriter.free(old, node)
            else identity(x, next(rewriter.numbers), f"{name}_input_{i}")
            for i, (x, old) in enumerate(zip(tensors, node.input_tensors, strict=True), 1)
        ]
    )


def _upsampled(rewriter, node, x, name):
    layer = node.operation
    sizes = [n * s for n, s in zip(x.shape[1:3], layer.size, strict=True)]
    return layers.Resizing(*sizes, layer.interpolation, name=name)(x)


def _two_at_a_time(rewriter, node, tensors, name):
    return _by_twos(type(node.operation), tensors, name) if len(tensors) > 2 else None


def _by_twos(kind, tensors, name):
    """A sum or product, a layer `name` at the end and numbered ones before it."""
    x, *others = tensors
    for left, y in zip(range(len(others) - 1, -1, -1), others, strict=True):
        x = kind(name=f"{name}_{left}" if left else name)([x, y])
    return x


RULES = {
    layers.BatchNormalization: _normalization,
    ours.StochasticDepth: _stochastic_depth,
    ours.FractalJoin: _mean,
    layers.Average: _mean,
    layers.Concatenate: _joined,
    layers.Maximum: _joined,
    layers.Minimum: _joined,
    layers.UpSampling2D: _upsampled,
    layers.Add: _two_at_a_time,
    layers.Multiply: _two_at_a_time,
}

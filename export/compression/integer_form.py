"""A network in operations that int8 has kernels for: what has none is written in those that have.

A kernel of TFLite computes a convolution with a bias and an activation behind it; a batch
normalization or a rescaling that follows no convolution belongs to none. Written as a 1x1 depthwise
convolution, it does.
"""

import fnmatch

import keras
import numpy as np
from keras import layers

import kerascnn.layers as ours
from export.compression.affine import scale_and_offset, tensor_and_constant
from export.compression.composites import FIRST, as_plain_layers
from export.compression.folded_normalization import TRAINING_ONLY
from export.compression.quantized_layers import log
from export.compression.sequences import sequences_as_images
from kerascnn.errors import UserError
from kerascnn.models.graph import canonical, consumers, new_inputs, nodes, walk

FOLDED_INTO = (layers.Conv2D, layers.DepthwiseConv2D)  # by TFLite's converter
FOLDED_INTO_TOO = (layers.Conv2DTranspose, layers.Dense)  # by `folded_normalization`


def is_excluded(layer, patterns):
    """Whether a layer's name fits one of these shell patterns.

    Of a separable convolution both halves go by its name.
    """
    names = {layer.name, *(layer.name.removesuffix(end) for end in FIRST)}
    return any(fnmatch.filter(names, pattern) for pattern in patterns)


def integer_form(model, *, exclude=(), folds_itself=False):
    """Rewrites a model, without changing what it computes, for int8.

        batch normalization that follows no convolution   behind a 1x1 depthwise one of ones
        x + c, x * c, Rescaling, Normalization            a part of the kernel in front, or a 1x1
                                                          depthwise convolution
        separable convolution, and others of two kernels  convolutions: see `as_plain_layers`
        silu(x)                                           x * sigmoid(x)
        hard_sigmoid(x)                                   relu6(x + 3) / 6, by the second line
        scaled_tanh(x)                                    1.7159 tanh(2 x / 3), likewise
        stochastic depth, the mean of a fractal join      what they are at inference, likewise
        a sum or product of more than two                 of two at a time
        a local response normalization                    x * exp(-beta * log(k + alpha * energy))
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
    flat = as_plain_layers(sequences_as_images(canonical(model)))
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

    def folds(node):
        """Whether the kernel of the layer in front absorbs a batch normalization."""
        maker = makers.get(id(node.input_tensors[0]))
        while maker is not None and isinstance(maker.operation, TRAINING_ONLY):
            maker = makers.get(id(maker.input_tensors[0]))
        kinds = (*FOLDED_INTO, *FOLDED_INTO_TOO) if folds_itself else FOLDED_INTO
        if maker is None or not isinstance(maker.operation, kinds):
            return False
        sources = [call.outputs[0] for call in calls[id(maker.operation)]]
        return (len(sources) == 1 or folds_itself) and all(
            only_taker(x) is node.operation for x in sources
        )

    def constants(node):
        """What computes scale x + offset, for the x that a node takes."""
        return _absorbed if folds(node) else _affine

    def call(node, *args, **kwargs):
        layer = node.operation
        x, constant, first = tensor_and_constant(args, keras.KerasTensor)
        linear = scale_and_offset(layer, constant, tensor_first=first)
        if normalizes_pixels(node):
            scale = np.asarray(layer.scale).item()
            return layers.Rescaling(scale, -zero_pixel(layer) * scale, name=layer.name)(args[0])
        if linear:
            return constants(node)(args[0] if x is None else x, *linear, layer.name)
        if is_excluded(layer, exclude) and not isinstance(layer, layers.BatchNormalization):
            return layer(*args, **kwargs)
        match layer:
            case layers.BatchNormalization() if not folds(node):
                return _normalized(layer, args[0], normalizations)
            case ours.StochasticDepth():
                return _affine(args[0], layer.survival, 0.0, layer.name)
            case ours.FractalJoin() if len(args[0]) > 1:
                total = _by_twos(layers.Add, args[0], f"{layer.name}_sum")
                return _affine(total, 1 / len(args[0]), 0.0, layer.name)
            case layers.Concatenate() if any(id(x) in pixels_made for x in node.input_tensors):
                # The converter would give the input the scale of the concatenation.
                apart = [
                    _affine(x, 1.0, 0.0, f"{layer.name}_input_{i}") if id(old) in pixels_made else x
                    for i, (x, old) in enumerate(zip(args[0], node.input_tensors, strict=True), 1)
                ]
                return layer(apart)
            case layers.Average():
                total = _by_twos(layers.Add, args[0], f"{layer.name}_sum")
                return _affine(total, 1 / len(args[0]), 0.0, layer.name)
            case ours.LocalResponseNormalization():
                return _locally_normalized(layer, args[0])
            case layers.UpSampling2D():
                sizes = [n * s for n, s in zip(args[0].shape[1:3], layer.size, strict=True)]
                return layers.Resizing(*sizes, layer.interpolation, name=layer.name)(args[0])
            case layers.Add() | layers.Multiply() if len(args[0]) > 2:
                return _by_twos(type(layer), args[0], layer.name)
            case layers.Activation() if layer.activation is keras.activations.silu:
                gate = layers.Activation("sigmoid", name=f"{layer.name}_sigmoid")(args[0])
                return layers.Multiply(name=layer.name)([args[0], gate])
            case layers.Activation() if layer.activation is ours.scaled_tanh:
                inner = constants(node)(args[0], 2 / 3, 0.0, f"{layer.name}_scale")
                tanh = layers.Activation("tanh", name=f"{layer.name}_tanh")(inner)
                return _affine(tanh, 1.7159, 0.0, layer.name)
            case layers.Activation() if layer.activation is keras.activations.hard_sigmoid:
                shifted = constants(node)(args[0], 1.0, 3.0, f"{layer.name}_shift")
                clipped = layers.ReLU(6.0, name=f"{layer.name}_relu6")(shifted)
                return _affine(clipped, 1 / 6, 0.0, layer.name)
        return layer(*args, **kwargs)

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


def _affine(x, scale, offset, name):
    """scale x + offset as a 1x1 depthwise convolution that is not trained.  (..., C) -> same"""
    channels = x.shape[-1]
    convolution = layers.DepthwiseConv2D(1, use_bias=bool(np.any(offset)), name=name)
    y = _on_image(convolution, x, name)
    kernel, bias = (np.broadcast_to(v, channels) for v in (scale, offset))
    kernel = kernel.reshape(1, 1, channels, 1)
    convolution.set_weights([kernel, bias] if convolution.use_bias else [kernel])
    convolution.trainable = False
    return y


def _absorbed(x, scale, offset, name):
    """scale x + offset as a normalization that the kernel in front takes in.  (..., C) -> same"""
    channels = x.shape[-1]
    normalization = layers.BatchNormalization(name=name)
    y = normalization(x)
    gamma, beta = (np.broadcast_to(np.float32(v), channels) for v in (scale, offset))
    variance = np.full(channels, 1 - normalization.epsilon, "float32")
    normalization.set_weights([gamma, beta, np.zeros_like(beta), variance])
    normalization.trainable = False
    return y


def _on_image(compute, x, name):
    """Calls `compute` with x, or with an image that a vector or a sequence x is made into."""
    if len(x.shape) == 4:
        return compute(x)
    if len(x.shape) > 4:
        raise UserError(
            f"{name}: int8 normalizes images, sequences and vectors, got a tensor of shape "
            f"{x.shape}; leave it float: exclude {name!r}"
        )
    shape = (1, -1 if len(x.shape) == 3 else 1, x.shape[-1])
    image = layers.Reshape(shape, name=f"{name}_image")(x)
    return layers.Reshape(x.shape[1:], name=f"{name}_back")(compute(image))


def _normalized(layer, x, copies):
    """A batch normalization behind a depthwise convolution that it folds into.

    copies: of such layers, by their id; a layer may be shared.
    """

    def normalize(image):
        if id(layer) not in copies:
            number = len(copies) + 1
            copies[id(layer)] = (
                number,
                layers.BatchNormalization.from_config({**layer.get_config(), "axis": -1}),
            )
            copies[id(layer)][1].build(image.shape)
            copies[id(layer)][1].set_weights(layer.get_weights())
        number, copy = copies[id(layer)]
        # TFLite's converter merges equal constants, and folds a normalization into all of them at
        # once. So no two of these kernels are equal: in the last bits they spell a number.
        spelled = number >> np.arange(image.shape[-1]) & 1
        ones = np.where(spelled, np.nextafter(np.float32(1), np.float32(2)), np.float32(1))
        return copy(_affine(image, ones, 0.0, f"{layer.name}_identity"))

    return _on_image(normalize, x, layer.name)


def _locally_normalized(layer, x):
    """A local response normalization in convolutions, products and tables of one variable."""
    name, channels = layer.name, x.shape[-1]
    band = abs(np.subtract.outer(np.arange(channels), np.arange(channels))) <= layer.size // 2
    alpha = layer.alpha / layer.size if layer.convention == "caffe" else layer.alpha
    energy = layers.Conv2D(channels, 1, name=f"{name}_energy")
    y = energy(layers.Multiply(name=f"{name}_square")([x, x]))
    energy.set_weights([alpha * band[None, None], np.full(channels, layer.k)])
    energy.trainable = False
    y = layers.Activation(log, name=f"{name}_log")(y)
    y = _affine(y, -layer.beta, 0.0, f"{name}_power")
    y = layers.Activation("exponential", name=f"{name}_exp")(y)
    return layers.Multiply(name=name)([x, y])


def _by_twos(kind, tensors, name):
    """A sum or product, a layer `name` at the end and numbered ones before it."""
    x, *others = tensors
    for left, y in zip(range(len(others) - 1, -1, -1), others, strict=True):
        x = kind(name=f"{name}_{left}" if left else name)([x, y])
    return x

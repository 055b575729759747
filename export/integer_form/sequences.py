"""Sequences as images one pixel high: int8 has kernels for those, and one form serves both.

TFLite computes a one-dimensional convolution as a two-dimensional one between two reshapes, and
these stand in the way of every fusion. Here the whole network is two-dimensional in between.
"""

import keras
from keras import layers

from kerascnn.errors import required
from kerascnn.layers import LocalResponseNormalization
from kerascnn.models.graph import new_inputs, nodes, producer, walk

from .names import operation_names

# What keeps its meaning when an axis of size one is put in front of the others.
AS_THEY_ARE = (
    layers.Activation,
    layers.ReLU,
    layers.LeakyReLU,
    layers.ELU,
    layers.Add,
    layers.Subtract,
    layers.Multiply,
    layers.Average,
    layers.Maximum,
    layers.Minimum,
    layers.Dropout,
    layers.Dense,
    layers.Flatten,
    layers.GaussianNoise,
    layers.GaussianDropout,
    layers.AlphaDropout,
    layers.ActivityRegularization,
    LocalResponseNormalization,
)


def sequences_as_images(model: keras.Model) -> keras.Model:
    """Rewrites layers of sequences, (L, C), as those of images, (1, L, C).

    Args:
        model: what `canonical` gave.

    Returns:
        A model of the same inputs, outputs and layer names, kernels with an axis more; the same
        model where it has no sequences.
    """
    if not any(_is_convolution(node.operation) for node in nodes(model)):
        return model
    replacements, named = {}, {}

    def image(x):
        """A sequence as an image, whatever it is now."""
        return _reshaped(x, (1, -1, x.shape[-1]), named) if len(x.shape) == 3 else x

    def sequence(x, like):
        return _reshaped(x, like.shape[1:], named) if len(like.shape) == 3 != len(x.shape) else x

    def call(node, *args, **kwargs):
        layer = node.operation
        olds = node.input_tensors
        sequences = all(len(x.shape) == 3 for x in olds)
        if sequences and len(args) == 1:
            if id(layer) not in replacements:
                replacements[id(layer)] = _of_images(layer)
            if replacements[id(layer)]:
                x = keras.tree.map_structure(image, args[0])
                for step in replacements[id(layer)]:
                    x = step(x)
                return x
        known = iter(olds)
        args, kwargs = keras.tree.map_structure(
            lambda x: sequence(x, next(known)) if isinstance(x, keras.KerasTensor) else x,
            (args, kwargs),
        )
        return layer(*args, **kwargs)

    inputs = new_inputs(model)
    outputs = walk(model, inputs, call)
    likes = iter(model.outputs)
    outputs = keras.tree.map_structure(lambda x: sequence(x, next(likes)), outputs)
    return keras.Model(inputs, outputs, name=model.name)


def _reshaped(x, shape, named):
    (stem,) = operation_names([required(producer(x)).name])
    name = f"{stem}_{'image' if len(shape) == 3 else 'sequence'}"
    named[name] = named.get(name, 0) + 1
    suffix = f"_{named[name]}" if named[name] > 1 else ""
    return layers.Reshape(shape, name=name + suffix)(x)


def _is_convolution(layer):
    return type(layer).__name__.endswith(("1D", "1DTranspose"))


def _of_images(layer):
    """The layers that do to (1, L, C) what one does to (L, C); none where that is not known."""
    config, kind = layer.get_config(), type(layer)
    if config.get("data_format") == "channels_first":
        return ()
    if isinstance(layer, AS_THEY_ARE) and not isinstance(layer, layers.SpatialDropout1D):
        return (layer,)
    for key in ("kernel_size", "dilation_rate", "pool_size", "output_padding"):
        if config.get(key) is not None:
            config[key] = (1, *config[key])
    front = ()
    match layer:
        case layers.BatchNormalization() if layer.axis in (-1, 2):
            config["axis"] = -1
        case layers.Concatenate() if layer.axis != 0:
            config["axis"] += layer.axis > 0
        case layers.Softmax() if layer.axis == -1:
            pass
        case layers.ZeroPadding1D():
            config["padding"] = ((0, 0), layer.padding)
        case layers.Cropping1D():
            config["cropping"] = ((0, 0), layer.cropping)
        case layers.UpSampling1D():
            config["size"] = (1, layer.size)
        case layers.MaxPooling1D() | layers.AveragePooling1D() | layers.Conv1DTranspose():
            config["strides"] = (1, *config["strides"])
        case layers.Conv1D() | layers.DepthwiseConv1D() | layers.SeparableConv1D():
            # Both strides are the same, as depthwise kernels want it: there is one row only.
            config["strides"] = config["strides"] * 2
            if layer.padding == "causal":
                before = layer.dilation_rate[0] * (layer.kernel_size[0] - 1)
                config["padding"] = "valid"
                padding = ((0, 0), (before, 0))
                front = (layers.ZeroPadding2D(padding, name=f"{layer.name}_past"),)
        case layers.GlobalMaxPooling1D() | layers.GlobalAveragePooling1D():
            pass
        case layers.SpatialDropout1D():
            pass
        case _:
            return ()
    of_images = getattr(layers, kind.__name__.replace("1D", "2D")).from_config(config)
    if layer.weights:
        channels = layer.get_build_config()["input_shape"][-1]
        of_images.build((None, 1, None, channels))
        of_images.set_weights([w[None] if w.ndim == 3 else w for w in layer.get_weights()])
    return (*front, of_images)

"""The tf_keras equivalent of each layer, activation and operation of Keras 3."""

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import layers

import kerascnn.layers as ours
from kerascnn.errors import UserError

from ..integer_form.affine import scale_and_offset, tensor_and_constant
from .extra import import_extra

# Layers that both know under one name and with the same weights in the same order.
SAME = (
    layers.Conv1D,
    layers.Conv2D,
    layers.DepthwiseConv1D,
    layers.DepthwiseConv2D,
    layers.SeparableConv1D,
    layers.SeparableConv2D,
    layers.Conv1DTranspose,
    layers.Conv2DTranspose,
    layers.Dense,
    layers.BatchNormalization,
    layers.LayerNormalization,
    layers.GroupNormalization,
    layers.Add,
    layers.Subtract,
    layers.Multiply,
    layers.Average,
    layers.Maximum,
    layers.Minimum,
    layers.Concatenate,
    layers.ReLU,
    layers.ELU,
    layers.PReLU,
    layers.Softmax,
    layers.MaxPooling1D,
    layers.MaxPooling2D,
    layers.AveragePooling1D,
    layers.AveragePooling2D,
    layers.GlobalAveragePooling1D,
    layers.GlobalAveragePooling2D,
    layers.GlobalMaxPooling1D,
    layers.GlobalMaxPooling2D,
    layers.ZeroPadding1D,
    layers.ZeroPadding2D,
    layers.Cropping1D,
    layers.Cropping2D,
    layers.UpSampling1D,
    layers.UpSampling2D,
    layers.Resizing,
    layers.Reshape,
    layers.Flatten,
    layers.Permute,
    layers.RepeatVector,
    layers.Dropout,
    layers.SpatialDropout1D,
    layers.SpatialDropout2D,
    layers.GaussianNoise,
    layers.GaussianDropout,
    layers.Rescaling,
)
SAME_ACTIVATIONS = (
    "elu",
    "exponential",
    "gelu",
    "linear",
    "mish",
    "relu",
    "selu",
    "sigmoid",
    "softmax",
    "softplus",
    "softsign",
    "tanh",
)
WAY_OUT = "use 'engine: native'"


def equivalent(layer: keras.Layer) -> Callable[..., Any]:
    """The tf_keras layer, or a function of such layers, that computes what a Keras 3 layer does."""
    tf_keras = import_extra("tf_keras")
    tf_keras_layers = import_extra(".tf_keras_layers")
    lenet = import_extra(".tf_keras_lenet")
    name = {"name": layer.name}
    if type(layer) in SAME:
        return same(layer, getattr(tf_keras.layers, type(layer).__name__))
    match layer:
        case layers.Activation():
            return activation_equivalent(layer)
        case layers.LeakyReLU():
            return tf_keras.layers.LeakyReLU(layer.negative_slope, **name)
        case layers.Normalization():
            scale, offset = scale_and_offset(layer) or (1.0, 0.0)
            return tf_keras.layers.Rescaling(scale, offset, **name)
        case ours.LocalResponseNormalization():
            window = layer.size, layer.factor, layer.beta, layer.k
            return tf_keras_layers.LocalResponseNormalization(*window, **name)
        case ours.CeilMaxPooling2D():
            edge = f"{layer.name}_edge"
            pad = tf_keras_layers.CeilPadding2D(layer.pool_size, layer.strides, name=edge)
            pool = tf_keras.layers.MaxPooling2D(layer.pool_size, layer.strides, **name)
            return lambda x: pool(pad(x))
        case ours.ChannelSplit():
            parts = [
                tf_keras_layers.ChannelSlice(i, layer.sections, name=f"{layer.name}_{i + 1}")
                for i in range(layer.sections)
            ]
            return lambda x: [part(x) for part in parts]
        case ours.ChannelShuffle():
            return tf_keras_layers.ChannelShuffle(layer.groups, **name)
        case ours.ChannelZeroPadding():
            return tf_keras_layers.ChannelZeroPadding(layer.filters, **name)
        case ours.StochasticDepth():
            return tf_keras_layers.StochasticDepth(layer.survival, **name)
        case ours.FractalColumn():
            return tf_keras_layers.FractalColumn(layer.columns, layer.global_fraction, **name)
        case ours.FractalJoin():
            return tf_keras_layers.FractalJoin(layer.drop, layer.columns, **name)
        case ours.PartiallyConnectedConv2D():
            return lenet.PartiallyConnectedConv2D(layer.table, layer.kernel_size, **name)
        case ours.TrainableSubsampling2D():
            return lenet.TrainableSubsampling2D(layer.pool_size, **name)
        case ours.RadialBasisOutput():
            return lenet.RadialBasisOutput(layer.codes, **name)
    raise UserError(f"{layer.name}: tf_keras has no equal of a {type(layer).__name__}; {WAY_OUT}")


def same(layer: keras.Layer, kind: type) -> Any:
    """The layer of tf_keras' class `kind` with the config of a Keras 3 layer."""
    accepted = {"name", "trainable", *inspect.signature(kind.__init__).parameters}
    defaults = inspect.signature(type(layer).__init__).parameters
    config = {}
    for key, value in layer.get_config().items():
        if key in ("dtype", "synchronized") or key.endswith("_initializer"):
            continue  # float32, one device, and weights that are overwritten
        if key.endswith(("_regularizer", "_constraint")):
            config[key] = _same_penalty(layer, key)
        elif key in accepted:
            config[key] = value
        elif value not in (None, False, "channels_last", getattr(defaults.get(key), "default", 0)):
            raise UserError(f"{layer.name}: tf_keras knows no {key}={value!r}; {WAY_OUT}")
    return kind(**{k: v for k, v in config.items() if v is not None})


def _same_penalty(layer, key):
    """A regularizer or constraint of a layer, by its namesake in tf_keras."""
    penalty = getattr(layer, key)
    tf_keras = import_extra("tf_keras")
    home = tf_keras.regularizers if key.endswith("_regularizer") else tf_keras.constraints
    kind = type(penalty).__name__
    if penalty is not None and not hasattr(home, kind):
        raise UserError(f"{layer.name}: tf_keras has no equal of {key} {kind}; {WAY_OUT}")
    return penalty and getattr(home, kind)(**penalty.get_config())


def activation_equivalent(layer: keras.Layer) -> Any:
    """The tf_keras layer of an Activation layer. Names can deceive: hard_sigmoid differs."""
    tf_keras = import_extra("tf_keras")
    tf_keras_layers = import_extra(".tf_keras_layers")
    kind, name = layer.activation.__name__, layer.name
    if layer.activation is ours.scaled_tanh:
        return import_extra(".tf_keras_lenet").ScaledTanh(name=name)
    if layer.activation is getattr(keras.activations, kind, None):
        if kind in SAME_ACTIVATIONS:
            return tf_keras.layers.Activation(kind, name=name)
        if kind == "silu":
            return tf_keras.layers.Activation("swish", name=name)
        if kind == "relu6":
            return tf_keras.layers.ReLU(6.0, name=name)
        if kind == "leaky_relu":
            return tf_keras.layers.LeakyReLU(0.2, name=name)
        if kind == "hard_sigmoid":
            return tf_keras_layers.HardSigmoid(name=name)
        if kind == "hard_silu":
            return tf_keras_layers.HardSwish(name=name)
    raise UserError(f"{name}: tf_keras has no equal of the activation {kind}; {WAY_OUT}")


def operation_equivalent(
    operation: keras.Operation, args: Sequence[Any], tensor: type
) -> Callable[..., Any]:
    """The tf_keras layer of an operator between tensors, as `x - y`, or with a constant, `x / 6`.

    Args:
        tensor: the class of the tensors among `args`.

    Returns:
        A function of the same arguments.
    """
    tf_keras = import_extra("tf_keras")
    kind, name = type(operation).__name__, operation.name
    if kind == "Subtract" and len(args) == 2 and all(isinstance(x, tensor) for x in args):
        return lambda x, y: tf_keras.layers.Subtract(name=name)([x, y])
    x, constant, first = tensor_and_constant(args, tensor)
    linear = scale_and_offset(operation, constant, tensor_first=first)
    if linear:
        return lambda *_: tf_keras.layers.Rescaling(*linear, name=name)(x)
    raise UserError(f"{name}: tf_keras has no equal of the operation {kind}; {WAY_OUT}")

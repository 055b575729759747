"""Activations in operations that int8 has kernels for: sums, products, tables of one variable.

A table holds what a function gives for each of 256 integers. TFLite has one for tanh, sigmoid,
ELU, exponential, logarithm and a few more.
"""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import activations, layers, ops

import kerascnn.layers as ours

from .constant_layers import affine
from .operations import PACKAGE

SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772


@keras.saving.register_keras_serializable(package=PACKAGE)
def log(x: keras.KerasTensor) -> keras.KerasTensor:
    """The natural logarithm, as an activation."""
    return ops.log(x)


@keras.saving.register_keras_serializable(package=PACKAGE)
def magnitude(x: keras.KerasTensor) -> keras.KerasTensor:
    """|x|, as an activation."""
    return ops.abs(x)


def activation_form(
    layer: keras.Layer, x: keras.KerasTensor, name: str, *, first: Callable[..., Any], alone: bool
) -> keras.KerasTensor | None:
    """Writes an activation, or a local response normalization, in other layers.

        silu(x)              x * sigmoid(x)
        hard_sigmoid(x)      relu6(x + 3) / 6
        scaled_tanh(x)       1.7159 tanh(2 x / 3)
        hard_tanh(x)         the same, behind a kernel of its own: see `SaturatingTanh`
        ELU, alpha not 1     alpha elu(x) + (1 - alpha) relu(x); selu(x) is 1.05 times one
        softplus(x)          relu(x) - log(sigmoid(|x|))
        mish(x)              x * tanh(softplus(x))
        softsign(x)          x * exp(-log(1 + |x|))
        local response       x * exp(-beta * log(k + alpha * energy))

    Args:
        layer: of the float network, called on x.
        name: of the layer that gives the result; the others' names begin with it.
        first: what computes scale x + offset, `affine` or what costs less.
        alone: whether x comes from a kernel, or its normalization, and goes nowhere else.

    Returns:
        The result; None for other layers.
    """
    if isinstance(layer, ours.LocalResponseNormalization):
        return _local_response(layer, x, name)
    if isinstance(layer, layers.ELU) and layer.alpha != 1:
        return _elu(x, name, layer.alpha)
    rules = {
        activations.silu: _silu,
        activations.selu: _selu,
        activations.softplus: _softplus,
        activations.mish: _mish,
        activations.softsign: _softsign,
    }
    match getattr(layer, "activation", None):
        case activations.hard_sigmoid:
            shifted = first(x, 1.0, 3.0, f"{name}_shift")
            return affine(layers.ReLU(6.0, name=f"{name}_relu6")(shifted), 1 / 6, 0.0, name)
        case ours.scaled_tanh:
            inner = first(x, 2 / 3, 0.0, f"{name}_scale")
            return affine(_table("tanh", inner, f"{name}_tanh"), 1.7159, 0.0, name)
        case activations.hard_tanh if not alone:
            return layers.Activation("hard_tanh", name=name)(
                affine(x, 1.0, 0.0, f"{name}_identity")
            )
        case function if function in rules:
            return rules[function](x, name)
    return None


def _table(function, x, name):
    return layers.Activation(function, name=name)(x)


def _silu(x, name):
    return layers.Multiply(name=name)([x, _table("sigmoid", x, f"{name}_sigmoid")])


def _elu(x, name, alpha, scale=1.0):
    """scale x where x is positive, scale alpha (exp(x) - 1) elsewhere."""
    relu = layers.ReLU(name=f"{name}_relu")(x)
    bent = affine(_table("elu", x, f"{name}_elu"), scale * alpha, 0.0, f"{name}_bent")
    rest = affine(relu, scale * (1 - alpha), 0.0, f"{name}_rest")
    return layers.Add(name=name)([bent, rest])


def _selu(x, name):
    return _elu(x, name, SELU_ALPHA, SELU_SCALE)


def _softplus(x, name):
    # The sigmoid is above 1/2 here, where its 256 steps are fine and the logarithm is flat.
    sigmoid = _table("sigmoid", _table(magnitude, x, f"{name}_abs"), f"{name}_sigmoid")
    rest = _table(log, sigmoid, f"{name}_log")
    return layers.Subtract(name=name)([layers.ReLU(name=f"{name}_relu")(x), rest])


def _softsign(x, name):
    shifted = affine(_table(magnitude, x, f"{name}_abs"), 1.0, 1.0, f"{name}_shift")
    y = affine(_table(log, shifted, f"{name}_log"), -1.0, 0.0, f"{name}_power")
    return layers.Multiply(name=name)([x, _table("exponential", y, f"{name}_exp")])


def _mish(x, name):
    softplus = _softplus(x, f"{name}_softplus")
    return layers.Multiply(name=name)([x, _table("tanh", softplus, f"{name}_tanh")])


def _local_response(layer, x, name):
    channels = x.shape[-1]
    energy = layers.Conv2D(channels, 1, name=f"{name}_energy")
    y = energy(layers.Multiply(name=f"{name}_square")([x, x]))
    kernel = layer.factor * layer.band(channels)[None, None]
    energy.set_weights([kernel, np.full(channels, layer.k)])
    energy.trainable = False
    y = _table(log, y, f"{name}_log")
    y = affine(y, -layer.beta, 0.0, f"{name}_power")
    return layers.Multiply(name=name)([x, _table("exponential", y, f"{name}_exp")])

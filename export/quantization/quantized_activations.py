"""Activations that int8 computes otherwise than Keras: slopes are rounded, limits saturate."""

from typing import Any

import keras
from keras import layers, ops

from ..integer_form.operations import PACKAGE, saturation
from .quantized_layers import quantized


@keras.saving.register_keras_serializable(package=PACKAGE)
class QuantizedPReLU(layers.PReLU):
    """PReLU with its slopes rounded as TFLite's converter rounds them: symmetric, one scale."""

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        return ops.relu(inputs) - quantized(self.alpha, None) * ops.relu(-inputs)


@keras.saving.register_keras_serializable(package=PACKAGE)
class SaturatingReLU(layers.ReLU):
    """ReLU with a maximum, which an int8 file leaves to the range behind it."""


@keras.saving.register_keras_serializable(package=PACKAGE)
class SaturatingTanh(layers.Activation):
    """The tanh of straight lines; an int8 file leaves both limits to the range behind it."""

    def __init__(self, activation: str = "hard_tanh", **kwargs: Any) -> None:
        super().__init__(activation, **kwargs)


def quantized_activation(layer: keras.Layer) -> keras.Layer | None:
    """The quantized layer of an activation, without weights yet; None where it needs none."""
    kind = None
    if isinstance(layer, layers.PReLU):
        kind = QuantizedPReLU
    elif saturation(layer):
        kind = SaturatingReLU if isinstance(layer, layers.ReLU) else SaturatingTanh
    return kind and kind.from_config(layer.get_config())

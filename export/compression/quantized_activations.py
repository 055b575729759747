"""Activations that int8 computes otherwise than Keras: slopes are rounded, limits saturate."""

import keras
from keras import layers, ops

from export.compression.quantized_layers import PACKAGE, quantized

HIGHEST_TANH = 127 / 128  # of a scale that -1 is a whole number of steps in


@keras.saving.register_keras_serializable(package=PACKAGE)
class QuantizedPReLU(layers.PReLU):
    """PReLU with its slopes rounded as TFLite's converter rounds them: symmetric, one scale."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.folds = False  # while a file is written: the converter rounds then

    def call(self, inputs):
        if self.folds:
            return super().call(inputs)
        return ops.relu(inputs) - quantized(self.alpha, None) * ops.relu(-inputs)


@keras.saving.register_keras_serializable(package=PACKAGE)
class SaturatingReLU(layers.ReLU):
    """ReLU with a maximum, which an int8 file leaves to the range behind it."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.folds = False

    def call(self, inputs):
        return ops.relu(inputs) if self.folds else super().call(inputs)


@keras.saving.register_keras_serializable(package=PACKAGE)
class SaturatingTanh(layers.Activation):
    """The tanh of straight lines; an int8 file leaves both limits to the range behind it."""

    def __init__(self, activation="hard_tanh", **kwargs):
        super().__init__(activation, **kwargs)
        self.folds = False

    def call(self, inputs):
        return inputs if self.folds else super().call(inputs)


def saturation(layer):
    """The range that an activation is cut to by saturation in int8, or None for other layers."""
    if isinstance(layer, layers.ReLU):
        straight = layer.negative_slope == layer.threshold == 0
        capped = straight and layer.max_value not in (None, 0, 6)  # with 6 it has a kernel
        return (0.0, float(layer.max_value)) if capped else None
    tanh = isinstance(layer, layers.Activation) and layer.activation is keras.activations.hard_tanh
    return (-1.0, HIGHEST_TANH) if tanh else None


def activation_twin(layer):
    """The quantized twin of an activation, without weights yet; None where it needs none."""
    kind = None
    if isinstance(layer, layers.PReLU):
        kind = QuantizedPReLU
    elif saturation(layer):
        kind = SaturatingReLU if isinstance(layer, layers.ReLU) else SaturatingTanh
    return kind and kind.from_config(layer.get_config())

"""Layers whose kernels are rounded to int8 while they train, on every Keras backend.

Weights are symmetric in a narrow range, [-127, 127] steps, with one scale an output channel (or
one a tensor). The rounding has the gradient of the identity within the range and none outside it
(Jacob et al., arXiv:1712.05877).
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import keras
from keras import layers, ops
from keras.quantizers import fake_quant_with_min_max_vars

from ..integer_form.operations import PACKAGE
from .fake_quant import FakeQuant

if TYPE_CHECKING:
    Mixed = layers.Layer
else:
    Mixed = object


class QuantizedKernel(Mixed):
    """Mixin: the layer computes with the rounded values of its kernel.

    The variable keeps its float values; `kernel` is what the layer's own `call` sees. Where int8
    folds a batch normalization into the kernel, what is rounded is their product: with a scale a
    channel that is the same, with one a tensor it is not, for each channel has a gain of its own.

    Args:
        per_channel: a scale for each output channel, else one for the tensor.
        rounds: False for a layer that stays float.
    """

    def __init__(
        self, *args: Any, per_channel: bool = True, rounds: bool = True, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.per_channel = per_channel
        self.rounds = rounds
        # Of the normalization that follows: one number a channel.
        self.gain: Callable[[], Any] | None = None

    @property
    def kernel(self) -> Any:
        kernel = ops.convert_to_tensor(self._kernel)
        shape = scaled_last(self, kernel)
        if not self.rounds:
            return kernel
        if self.gain is None or self.per_channel:
            return quantized(kernel, shape)
        gain = ops.stop_gradient(along_kernel(self, self.gain(), kernel))
        return quantized(kernel * gain, shape) / ops.where(gain == 0, 1.0, gain)

    @kernel.setter
    def kernel(self, variable: Any) -> Any:
        self._kernel = variable

    def save_own_variables(self, store: Any) -> None:
        # Convolutions of Keras would store `kernel`, and training could not go on from there.
        for i, variable in enumerate(v for v in (self._kernel, self.bias) if v is not None):
            store[str(i)] = variable

    def get_config(self) -> dict[str, Any]:
        config = {"per_channel": self.per_channel, "rounds": self.rounds}
        return {**super().get_config(), **config}


def along_kernel(layer: Any, values: Any, kernel: Any) -> Any:
    """One number an output channel, in a shape that multiplies the kernel."""
    if isinstance(layer, layers.DepthwiseConv2D):
        return ops.reshape(values, kernel.shape[-2:])
    if isinstance(layer, layers.Conv2DTranspose):
        return ops.reshape(values, (-1, 1))
    return values


def scaled_last(layer: Any, kernel: Any) -> tuple[int, ...] | None:
    """The shape of a kernel whose last axis has a scale each; None for one scale by other means."""
    if isinstance(layer, layers.DepthwiseConv2D):
        channels = kernel.shape[-2] * kernel.shape[-1]
        # The converter leaves a depthwise kernel float unless it has an axis of scales, if of one.
        last = (channels,) if layer.per_channel else (channels, 1)
        return (*kernel.shape[:-2], *last)
    return kernel.shape if layer.per_channel else None


def quantized(kernel: Any, shape: tuple[int, ...] | None) -> Any:
    """Rounds a kernel, symmetric and narrow: a scale a channel of `shape`, or one if it is None."""
    if shape is None:
        high = ops.stop_gradient(ops.max(ops.abs(kernel)))
        high = ops.where(high > 0, high, 1.0)  # zeros have no scale; any range keeps them
        return fake_quant_with_min_max_vars(kernel, -high, high, narrow_range=True)
    flat = ops.reshape(kernel, shape)
    axes = tuple(range(len(shape) - 1))
    high = ops.stop_gradient(ops.max(ops.abs(flat), axis=axes))
    high = ops.where(high > 0, high, 1.0)
    rounded = fake_quant_with_min_max_vars(
        flat, -high, high, narrow_range=True, axis=len(shape) - 1
    )
    return ops.reshape(rounded, kernel.shape)


def _quantized_class(base):
    """The quantized class of a Keras layer: `QuantizedConv2D` of `Conv2D`."""
    name = f"Quantized{base.__name__}"
    doc = f"{base.__name__} that computes with its kernel rounded to int8."
    kind = type(name, (QuantizedKernel, base), {"__doc__": doc, "__module__": __name__})
    return keras.saving.register_keras_serializable(package=PACKAGE)(kind)


# Dense and transposed convolutions take one scale a tensor: TFLite's converter refuses more.
PER_CHANNEL = (layers.Conv2D, layers.DepthwiseConv2D)
PER_TENSOR = (layers.Dense, layers.Conv2DTranspose)
QUANTIZED = {base: _quantized_class(base) for base in (*PER_CHANNEL, *PER_TENSOR)}


def is_int8(model: keras.Model) -> bool:
    """Whether a model simulates int8."""
    return any(isinstance(layer, FakeQuant) for layer in model.layers)

"""Layers that simulate int8 while they train, on every Keras backend.

Weights are symmetric in a narrow range, [-127, 127] steps, with one scale an output channel (or
one a tensor); activations are asymmetric, 256 steps, with one scale a tensor. The rounding has the
gradient of the identity within the range and none outside it (Jacob et al., arXiv:1712.05877).
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import keras
from keras import layers, ops
from keras.quantizers import fake_quant_with_min_max_vars

from ..integer_form.operations import PACKAGE

if TYPE_CHECKING:
    Mixed = layers.Layer
else:
    Mixed = object

LEAST_RANGE = 1e-30  # below lies nothing but zeros, and what float32 cannot take steps of
MIDDLE = 0.01  # of a step: as near to a half, either integer may be taken


@keras.saving.register_keras_serializable(package=PACKAGE)
class FakeQuant(layers.Layer):
    """Rounds a tensor to 256 steps between a minimum and a maximum.  (...) -> (...)

    Args:
        fixed: (minimum, maximum) that never move, as after a sigmoid; None to watch the data.
        momentum: of the moving minimum and maximum while training.
        tensors: how many share the range; each moves its own, and the hull of all counts.

    A range that watches is moved while training, and set to exact extremes by the calibration.
    A call says by `index` which of the tensors it is. With index None another rounding rounds for
    this one, and only the converter sees the range. A call with a `rounding_mode` leaves the range
    alone: what comes out of an average is rounded to the steps of what went in. Averages of
    integers often end in a half, and kernels differ in these: "half_up", or "half_away" from an
    integer 0.
    """

    def __init__(
        self,
        fixed: Sequence[float] | None = None,
        *,
        momentum: float = 0.99,
        tensors: int = 1,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.autocast = False  # a range is not rounded to half precision on the way in
        self.fixed = tuple(fixed) if fixed else None
        self.momentum = momentum
        self.tensors = tensors

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        def weight(name, start, shape=()):
            return self.add_weight(
                shape=shape,
                initializer=keras.initializers.Constant(start),
                trainable=False,
                autocast=False,
                dtype="float32",
                name=name,
            )

        low, high = self.fixed or (0.0, 0.0)
        self.minimum, self.maximum = weight("minimum", low), weight("maximum", high)
        if self.tensors > 1:
            self.minima = weight("minima", low, (self.tensors,))
            self.maxima = weight("maxima", high, (self.tensors,))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Calls the layer; older .keras files say `place`, and `halves` "up" or "away"."""
        if "place" in kwargs:
            kwargs["index"] = kwargs.pop("place")
        if halves := kwargs.pop("halves", None):
            kwargs["rounding_mode"] = f"half_{halves}"
        return super().__call__(*args, **kwargs)

    def watches(self, index: int | None = 0, rounding_mode: str | None = None) -> bool:
        """Whether a call with these arguments moves the range."""
        return self.fixed is None and not rounding_mode and index is not None

    def call(
        self,
        inputs: keras.KerasTensor,
        training: bool = False,
        index: int | None = 0,
        rounding_mode: str | None = None,
    ) -> keras.KerasTensor:
        if training and self.watches(index, rounding_mode):
            self._move(index, inputs)
        if index is None:
            return inputs
        x = ops.cast(inputs, "float32")  # where layers compute in half precision, ranges do not
        if rounding_mode:
            x = self._off_the_half(x, rounding_mode)
        x = fake_quant_with_min_max_vars(x, self.minimum.value, self.maximum.value)
        return ops.cast(x, self.compute_dtype)

    def set_range(self, low: float, high: float) -> None:
        """Sets the range, from which each tensor goes on if it is trained."""
        self.set_ranges([(low, high)] * self.tensors)

    def set_ranges(self, ranges: Sequence[tuple[float, float]]) -> None:
        """Sets the range of each tensor, (low, high); their hull is what counts."""
        lows, highs = zip(*ranges, strict=True)
        self._assign_range(min(lows), max(highs))
        if self.tensors > 1:
            self.minima.assign(lows)
            self.maxima.assign(highs)

    def _move(self, index, inputs):
        """Moves the range of one tensor by what comes in; it always holds 0, as padding needs."""
        x = ops.stop_gradient(ops.cast(inputs, "float32"))
        low, high = ops.minimum(ops.min(x), 0.0), ops.maximum(ops.max(x), 0.0)
        silent = high == low  # a batch of zeros says nothing about a range
        old = self.minimum.value, self.maximum.value
        if self.tensors > 1:
            old = self.minima.value[index], self.maxima.value[index]
        low, high = ops.where(silent, old[0], low), ops.where(silent, old[1], high)
        if self.tensors == 1:
            low, high = self._towards(self.minimum, low), self._towards(self.maximum, high)
            self._assign_range(low, high)
            return
        here = ops.arange(self.tensors) == index
        self.minima.assign(ops.where(here, self._towards(self.minima, low), self.minima.value))
        self.maxima.assign(ops.where(here, self._towards(self.maxima, high), self.maxima.value))
        self._assign_range(ops.min(self.minima.value), ops.max(self.maxima.value))

    def _assign_range(self, low, high):
        """Sets the hull, a little wider where 0 would lie in the middle between two integers.

        As of -1..1, which 255 steps cut in two: fake quantization and TFLite's converter take
        different ones of these two for the zero point. What was 0 in all that was seen gets 0..1:
        any scale will do, and no runtime takes a scale of 0.
        """
        low, high = ops.cast(low, "float32"), ops.cast(high, "float32")
        high = ops.where(high - low < LEAST_RANGE, low + 1.0, high)
        steps = -255 * low / ops.maximum(high - low, 1e-30)
        below = ops.floor(steps)
        between = ops.logical_and(ops.abs(steps - below - 0.5) < MIDDLE, below > 0)
        wider = low * (1 - 255 / ops.maximum(below, 1.0))
        self.minimum.assign(low)
        self.maximum.assign(ops.where(between, wider, high))

    def _towards(self, old, new):
        return old + (new - old) * (1 - self.momentum)

    def _off_the_half(self, x, rounding_mode):
        """Moves halves of a step a little, to the side that they are rounded to."""
        step = (self.maximum.value - self.minimum.value) / 255
        zero = ops.round(self.minimum.value / step) * step + 128 * step
        side = ops.stop_gradient(ops.sign(x - zero)) if rounding_mode == "half_away" else 1.0
        return x + side * step / 1024

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return input_shape

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "FakeQuant":
        if "places" in config:  # an older .keras file
            config = {**config, "tensors": config["places"]}
            del config["places"]
        return cls(**config)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "fixed": self.fixed,
            "momentum": self.momentum,
            "tensors": self.tensors,
        }


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

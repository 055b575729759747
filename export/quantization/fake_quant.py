"""The layer that rounds activations to int8 while they train, on every Keras backend.

Activations are asymmetric, 256 steps, with one scale a tensor. The rounding has the gradient of the
identity within the range and none outside it (Jacob et al., arXiv:1712.05877).
"""

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers, ops
from keras.quantizers import fake_quant_with_min_max_vars

from ..integer_form.operations import PACKAGE

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

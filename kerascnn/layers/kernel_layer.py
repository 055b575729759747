"""What the convolutions of this package have in common: a kernel, a bias, strides, padding."""

import math
from typing import Any

import keras
from keras import initializers

from kerascnn.layers.geometry import (
    PerAxis,
    Shape,
    check_padding,
    image_shape,
    per_axis,
    window_count,
)


class KernelLayer(keras.layers.Layer):
    """A layer with `filters` outputs and windows of `kernel_size`, over `rank` spatial axes.

    Channels come last. There is no activation inside: it is a layer of its own, as everywhere in
    this package. A subclass sets `rank`, makes its weights in `build` and computes in `call`.

    Args:
        filters: channels of the output.
        kernel_size, strides: integers, or one for each axis.
        padding: "valid" or "same", as Keras has them.
        use_bias: adds one number to each filter (for unshared kernels: at each position).
        kernel_initializer: a Keras initializer or its name.
    """

    rank: int

    def __init__(
        self,
        filters: int,
        kernel_size: PerAxis,
        strides: PerAxis = 1,
        padding: str = "valid",
        *,
        use_bias: bool = True,
        kernel_initializer: str | keras.Initializer = "he_normal",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not isinstance(filters, int) or filters < 1:
            raise ValueError(f"filters: expected a positive integer, got {filters}")
        self.filters = filters
        self.kernel_size = per_axis(kernel_size, self.rank)
        self.strides = per_axis(strides, self.rank)
        self.padding = check_padding(padding)
        self.use_bias = use_bias
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.input_spec = keras.layers.InputSpec(ndim=self.rank + 2)

    def add_kernel(self, shape: tuple[int, ...], name: str = "kernel") -> keras.Variable:
        return self.add_weight(shape=shape, initializer=self.kernel_initializer, name=name)

    def add_bias(self, shape: tuple[int, ...] | None = None) -> keras.Variable | None:
        if not self.use_bias:
            return None
        return self.add_weight(shape=shape or (self.filters,), initializer="zeros", name="bias")

    def output_sizes(self, sizes: Shape) -> Shape:
        """The spatial sizes of the output for those of the input; None stays None."""
        padding = [self.padding] * self.rank
        return tuple(map(window_count, sizes, self.kernel_size, self.strides, padding))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        sizes, _ = image_shape(input_shape, self.rank)
        return (input_shape[0], *self.output_sizes(sizes), self.filters)

    def count_macs(self, input_shape: Shape) -> int:
        """Multiply-accumulates of one image: output positions x kernel_size x channels x filters.

        `input_shape`: with or without the batch in front; sizes known.
        """
        sizes, channels = image_shape(input_shape, self.rank)
        positions = math.prod(self.output_sizes(sizes))
        return positions * math.prod(self.kernel_size) * channels * self.filters

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
            "use_bias": self.use_bias,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
        }

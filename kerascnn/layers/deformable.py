"""Deformable convolution: each tap of the kernel looks where the image tells it to."""

import math
from typing import Any

import keras
from keras import KerasTensor, ops

from kerascnn.layers.geometry import PerAxis, Shape, per_axis, same_padding, window_count
from kerascnn.layers.kernel_layer import KernelLayer


@keras.saving.register_keras_serializable(package="kerascnn")
class DeformableConv2D(KernelLayer):
    """Convolution that samples at learned, fractional offsets from its grid.

        y(p) = bias + sum over taps n of kernel[n] * m_n(p) * x(p + p_n + d_n(p))

    The offsets d, and with `modulated` the factors m in (0, 1), come from a convolution over the
    same input that starts at zero: then d = 0 and the layer is keras.layers.Conv2D, or, modulated,
    one half of it. x between pixels is bilinear, x beyond the edge is zero. Gradients reach the
    offsets; version 2's paper trains their weights at a tenth of the learning rate.

    Shapes: (batch, H, W, C) -> (batch, H', W', filters), as for keras.layers.Conv2D. Weights:
    kernel (kh, kw, C, filters), bias (filters,), and those of `offset_conv`, whose channels are
    (dy, dx) for each tap, row by row, then the logits of m.

    Args: as of `KernelLayer`, and
        dilation_rate: distance of the taps; an integer or a pair.
        modulated: False is version 1, True is version 2.

    Raises:
        ValueError: strides and dilation_rate both above 1, as in Keras.

    Source: Dai et al., "Deformable Convolutional Networks", arXiv:1703.06211, section 2.1; Zhu,
    Hu, Lin & Dai, "Deformable ConvNets v2", arXiv:1811.11168, section 3.2.
    """

    rank = 2

    def __init__(
        self,
        filters: int,
        kernel_size: PerAxis,
        strides: PerAxis = 1,
        padding: str = "valid",
        *,
        dilation_rate: PerAxis = 1,
        modulated: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(filters, kernel_size, strides, padding, **kwargs)
        self.dilation_rate = per_axis(dilation_rate, 2)
        self.modulated = modulated
        self.taps = math.prod(self.kernel_size)
        self.offset_conv = keras.layers.Conv2D(
            (3 if modulated else 2) * self.taps,
            self.kernel_size,
            self.strides,
            self.padding,
            dilation_rate=self.dilation_rate,
            kernel_initializer="zeros",
            dtype=self.dtype_policy,
            name="offset_conv",
        )

    def build(self, input_shape: Shape) -> None:
        self.offset_conv.build(input_shape)
        self.kernel = self.add_kernel((*self.kernel_size, input_shape[-1], self.filters))
        self.bias = self.add_bias()

    def call(self, inputs: KerasTensor) -> KerasTensor:
        offsets = self.offset_conv(inputs)
        x = self._sample(inputs, offsets[..., : 2 * self.taps])
        if self.modulated:
            x = x * ops.expand_dims(ops.sigmoid(offsets[..., 2 * self.taps :]), -1)
        depth = self.taps * inputs.shape[-1]
        x = ops.reshape(x, (*ops.shape(x)[:3], depth))
        x = ops.conv(x, ops.reshape(self.kernel, (1, 1, depth, self.filters)))
        return x if self.bias is None else x + self.bias

    def _sample(self, images, offsets):
        """(B, H, W, C), (B, H', W', 2 taps) -> (B, H', W', taps, C), bilinear, zero outside."""
        batch, height, width, channels = ops.shape(images)
        # Half precision cannot tell the pixels of a wide image apart.
        dtype = "float64" if self.compute_dtype == "float64" else "float32"
        offsets = ops.cast(offsets, dtype)
        rows, columns = ops.shape(offsets)[1:3]
        tap_rows, tap_columns = self.kernel_size
        grid_y = ops.expand_dims(self._grid(0, height, rows, dtype), (1, 3))
        grid_x = ops.expand_dims(self._grid(1, width, columns, dtype), (0, 2))
        shape = (batch, rows, columns, tap_rows, tap_columns)
        y = ops.reshape(offsets[..., 0::2], shape) + grid_y
        x = ops.reshape(offsets[..., 1::2], shape) + grid_x
        y, x = (ops.reshape(v, (batch, rows, columns, self.taps)) for v in (y, x))

        pixels = ops.reshape(images, (-1, channels))
        first = ops.reshape(ops.arange(batch, dtype="int32"), (-1, 1, 1, 1)) * (height * width)
        sampled = 0
        for row, row_weight in _neighbours(y, height):
            for column, column_weight in _neighbours(x, width):
                weight = ops.cast(row_weight * column_weight, images.dtype)
                pixel = ops.take(pixels, first + row * width + column, axis=0)
                sampled = sampled + pixel * ops.expand_dims(weight, -1)
        return sampled

    def _grid(self, axis, size, count, dtype):
        """(count, taps of this axis): where the taps of the undeformed kernel look."""
        window, stride = self.kernel_size[axis], self.strides[axis]
        dilation = self.dilation_rate[axis]
        before = same_padding(size, window, stride, dilation)[0] if self.padding == "same" else 0
        corner = ops.arange(count, dtype="int32") * stride - before
        taps = ops.arange(window, dtype="int32") * dilation
        return ops.cast(ops.expand_dims(corner, 1) + taps, dtype)

    def output_sizes(self, sizes: Shape) -> Shape:
        padding = [self.padding] * 2
        axes = zip(sizes, self.kernel_size, self.strides, padding, self.dilation_rate, strict=True)
        return tuple(window_count(*axis) for axis in axes)

    def count_macs(self, input_shape: Shape) -> int:
        """Multiply-accumulates of one image: the convolution and that of the offsets.

        The interpolation, 4 a sample, is not counted, as it is not for a resize. `input_shape`:
        with or without the batch in front; sizes known.
        """
        macs = super().count_macs(input_shape)
        return macs + macs // self.filters * self.offset_conv.filters

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "dilation_rate": self.dilation_rate,
            "modulated": self.modulated,
        }


def _neighbours(position, size):
    """The two whole positions around each `position`, and their linear weights; 0 outside."""
    low = ops.floor(position)
    last = ops.cast(size - 1, position.dtype)
    for whole, weight in ((low, low + 1 - position), (low + 1, position - low)):
        inside = ops.logical_and(whole >= 0, whole <= last)
        # Clipped while a float: an offset may lie beyond what an integer holds.
        index = ops.cast(ops.clip(whole, 0, last), "int32")
        yield index, weight * ops.cast(inside, position.dtype)

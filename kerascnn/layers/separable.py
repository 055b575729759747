"""Spatially separable convolution: k x k as k x 1, then 1 x k."""

import math
from typing import Any

import keras
from keras import KerasTensor, ops

from kerascnn.layers.geometry import PerAxis, Shape, image_shape
from kerascnn.layers.kernel_layer import KernelLayer


@keras.saving.register_keras_serializable(package="kerascnn")
class SpatiallySeparableConv2D(KernelLayer):
    """A column of k x 1, then a row of 1 x k, with nothing in between.

        y = bias + row * (column * x)

    It is the convolution with kernel[i, j, c, f] = sum over m of column[i, c, m] row[j, m, f]:
    of all k x k kernels those of rank at most `mid_filters`. It costs k (C M + M F) a position
    in place of k^2 C F (the column's share counted before a horizontal stride).

    Shapes: (batch, H, W, C) -> (batch, H', W', filters), as for keras.layers.Conv2D. Weights:
    column_kernel (k, 1, C, mid_filters), row_kernel (1, k, mid_filters, filters), bias (filters,).

    Args: as of `KernelLayer`, and
        mid_filters: M, the channels between the two; `filters` by default.

    Source: Jaderberg, Vedaldi & Zisserman, "Speeding up Convolutional Neural Networks with Low
    Rank Expansions", arXiv:1405.3866, section 2.2, scheme 2.
    """

    rank = 2

    def __init__(
        self,
        filters: int,
        kernel_size: PerAxis,
        strides: PerAxis = 1,
        padding: str = "valid",
        *,
        mid_filters: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(filters, kernel_size, strides, padding, **kwargs)
        self.mid_filters = filters if mid_filters is None else mid_filters
        if self.mid_filters < 1:
            raise ValueError(f"mid_filters: expected a positive integer, got {mid_filters}")

    def build(self, input_shape: Shape) -> None:
        (high, wide), mid = self.kernel_size, self.mid_filters
        self.column_kernel = self.add_kernel((high, 1, input_shape[-1], mid), "column_kernel")
        self.row_kernel = self.add_kernel((1, wide, mid, self.filters), "row_kernel")
        self.bias = self.add_bias()

    def call(self, inputs: KerasTensor) -> KerasTensor:
        down, right = self.strides
        x = ops.conv(inputs, self.column_kernel, (down, 1), self.padding)
        x = ops.conv(x, self.row_kernel, (1, right), self.padding)
        return x if self.bias is None else x + self.bias

    def count_macs(self, input_shape: Shape) -> int:
        """Multiply-accumulates of one image, both convolutions; batch in front or not."""
        (height, width), channels = image_shape(input_shape, 2)
        rows, columns = self.output_sizes((height, width))
        high, wide = self.kernel_size
        column = rows * width * high * channels * self.mid_filters
        return column + math.prod((rows, columns, wide, self.mid_filters, self.filters))

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"mid_filters": self.mid_filters}

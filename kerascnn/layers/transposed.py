"""Transposed convolution to an exact size."""

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import KerasTensor, ops

from kerascnn.errors import required
from kerascnn.layers.geometry import PerAxis, Shape, image_shape, per_axis, same_padding
from kerascnn.layers.kernel_layer import KernelLayer


class _ExactConvTranspose(KernelLayer):
    def __init__(
        self,
        filters: int,
        kernel_size: PerAxis,
        strides: PerAxis = 1,
        padding: str = "valid",
        *,
        output_size: Sequence[int] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(filters, kernel_size, strides, padding, **kwargs)
        self.output_size = None if output_size is None else per_axis(output_size, self.rank)

    def build(self, inputs_shape: Shape, like_shape: Shape | None = None) -> None:
        self.kernel = self.add_kernel((*self.kernel_size, self.filters, inputs_shape[-1]))
        self.bias = self.add_bias()

    def call(self, inputs: KerasTensor, like: KerasTensor | None = None) -> KerasTensor:
        x = ops.conv_transpose(inputs, self.kernel, self.strides, padding="valid")
        sizes = self.output_size if like is None else ops.shape(like)[1 : self.rank + 1]
        for axis, size in enumerate(required(sizes)):
            x = self._cut(x, axis, size)
        return x if self.bias is None else x + self.bias

    def _cut(self, x, axis, size):
        """Cuts `axis` of the full product to `size`; what no tap reaches is zero."""
        window, stride = self.kernel_size[axis], self.strides[axis]
        before = same_padding(size, window, stride)[0] if self.padding == "same" else 0
        full = x.shape[axis + 1]
        known = all(isinstance(n, int) for n in (full, size, before))
        missing = before + size - full if known else stride - 1
        if missing > 0:
            pads = [(0, 0)] * (self.rank + 2)
            pads[axis + 1] = (0, missing)
            x = ops.pad(x, pads)
        return x[(*(slice(None),) * (axis + 1), slice(before, before + size))]

    def compute_output_shape(self, inputs_shape: Shape, like_shape: Shape | None = None) -> Shape:
        if like_shape is None and self.output_size is None:
            raise ValueError(
                f"{type(self).__name__}: expected output_size, or a second tensor of the wanted "
                "size; keras.layers has the transposed convolution that chooses for itself"
            )
        given, _ = image_shape(inputs_shape, self.rank)
        sizes: Sequence[int | None] = self.output_size or ()
        if like_shape is not None:
            sizes, _ = image_shape(like_shape, self.rank)
        for axis, (size, count) in enumerate(zip(sizes, given, strict=True)):
            window, stride = self.kernel_size[axis], self.strides[axis]
            if size is None or count is None:
                continue
            low = (count - 1) * stride + (window if self.padding == "valid" else 1)
            if not low <= size < low + stride:
                raise ValueError(
                    f"output_size: expected {low} to {low + stride - 1} on axis {axis}, the sizes "
                    f"of which a convolution makes {count}, got {size}"
                )
        return (inputs_shape[0], *sizes, self.filters)

    def count_macs(self, input_shape: Shape | Sequence[Shape]) -> int:
        """Multiply-accumulates of one image: input positions x kernel_size x channels x filters.

        What falls off the edges is counted too. `input_shape`: with or without the batch in
        front; sizes known; where the layer has two inputs, that of the first or both.
        """
        several = isinstance(input_shape[0], tuple | list)
        sizes, channels = image_shape(input_shape[0] if several else input_shape, self.rank)
        return math.prod(sizes) * math.prod(self.kernel_size) * channels * self.filters

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"output_size": self.output_size}


@keras.saving.register_keras_serializable(package="kerascnn")
class ExactConv2DTranspose(_ExactConvTranspose):
    """The transpose of a convolution, over images, to the very size that is asked for.

        y = gradient of <x, Conv2D(y)> with respect to y, + bias

    A convolution with strides s makes the same output of s sizes of input; a transposed one must
    be told which it shall be. keras.layers.Conv2DTranspose chooses by itself; here the caller
    does, as an encoder-decoder needs where a pooled size was odd:

        ExactConv2DTranspose(8, 3, 2, "same", output_size=(7, 7))(x)
        ExactConv2DTranspose(8, 3, 2, "same")(x, like=encoder_tensor)

    Shapes: (batch, H, W, C) [, (batch, H', W', any)] -> (batch, H', W', filters), where Conv2D
    with this kernel_size, strides and padding makes H x W of H' x W'. Weights: kernel
    (kh, kw, filters, C), bias (filters,), in the layout of keras.layers.Conv2DTranspose.

    Args: as of `KernelLayer`; strides, padding are those of the convolution that is transposed.
        output_size: H', W' as an integer or a pair; None where each call brings `like`.

    Raises:
        ValueError: a size of which that convolution does not make the input's, with those of
            which it does; neither output_size nor `like`.

    Source: Zeiler, Krishnan, Taylor & Fergus, "Deconvolutional Networks", CVPR 2010; Dumoulin &
    Visin, "A guide to convolution arithmetic for deep learning", arXiv:1603.07285, chapter 4.
    """

    rank = 2


@keras.saving.register_keras_serializable(package="kerascnn")
class ExactConv1DTranspose(_ExactConvTranspose):
    """(batch, T, C) -> (batch, T', filters); see `ExactConv2DTranspose`."""

    rank = 1


@keras.saving.register_keras_serializable(package="kerascnn")
class ExactConv3DTranspose(_ExactConvTranspose):
    """(batch, D, H, W, C) -> (batch, D', H', W', filters); see `ExactConv2DTranspose`."""

    rank = 3

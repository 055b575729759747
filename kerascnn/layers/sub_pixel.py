"""Sub-pixel convolution: a finer image, computed on the coarse grid, laid out at the end."""

import math
from typing import Any

import keras
from keras import KerasTensor, layers, ops

from kerascnn.layers.geometry import PerAxis, Shape, image_shape


@keras.saving.register_keras_serializable(package="kerascnn")
class DepthToSpace(keras.layers.Layer):
    """Lays groups of channels out as blocks of pixels (the periodic shuffle).

        y[h * r + i, w * r + j, c] = x[h, w, (i * r + j) * C' + c]

    and likewise over one and three axes. torch's PixelShuffle orders the channels differently:
    c * r^2 + i * r + j.

    Shapes, for n spatial axes: (batch, S1, ..., Sn, r^n C') -> (batch, r S1, ..., r Sn, C').

    Args:
        scale: r.

    Source: Shi et al., "Real-Time Single Image and Video Super-Resolution Using an Efficient
    Sub-Pixel Convolutional Neural Network", arXiv:1609.05158, section 3.2.
    """

    def __init__(self, scale: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(scale, int) or scale < 1:
            raise ValueError(f"scale: expected a positive integer, got {scale}")
        self.scale = scale

    def call(self, inputs: KerasTensor) -> KerasTensor:
        rank, r = len(inputs.shape) - 2, self.scale
        if r == 1:
            return inputs
        if rank == 2:
            return ops.depth_to_space(inputs, r)  # one operator in TFLite and ONNX
        sizes = ops.shape(inputs)[1:-1]
        channels = inputs.shape[-1] // r**rank
        # Move the first factor of the channels behind its axis, axis by axis: what is to its
        # left stays together, and so does what is to its right.
        x = inputs
        for axis in range(rank):
            middle = math.prod(sizes[axis + 1 :])
            x = ops.reshape(x, (-1, middle, r, r ** (rank - axis - 1) * channels))
            x = ops.transpose(x, (0, 2, 1, 3))
        return ops.reshape(x, (-1, *[size * r for size in sizes], channels))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        sizes, channels = image_shape(input_shape, len(input_shape) - 2)
        block = self.scale ** len(sizes)
        if channels % block:
            raise ValueError(
                f"scale: expected channels in multiples of {block} for scale {self.scale}, "
                f"got {channels}"
            )
        finer = [None if size is None else size * self.scale for size in sizes]
        return (input_shape[0], *finer, channels // block)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"scale": self.scale}


def sub_pixel_conv(
    x: KerasTensor, filters: int, kernel_size: PerAxis, scale: int, *, name: str
) -> KerasTensor:
    """Convolution to scale^2 filters, laid out as pixels.  (H, W, C) -> (r H, r W, filters).

    r = `scale`; layers `{name}_conv` and `{name}_shuffle`. Over (T, C) and (D, H, W, C) likewise.
    As strong as a transposed convolution of kernel_size * r and strides r, without holes in the
    sum: every output pixel has the same number of terms.

    Source: Shi et al., arXiv:1609.05158, section 3.2.
    """
    rank = len(x.shape) - 2
    conv = {1: layers.Conv1D, 2: layers.Conv2D, 3: layers.Conv3D}[rank]
    x = conv(
        filters * scale**rank,
        kernel_size,
        padding="same",
        kernel_initializer="he_normal",
        name=f"{name}_conv",
    )(x)
    return DepthToSpace(scale, name=f"{name}_shuffle")(x)

"""Spatial pyramid pooling: a vector of one length from images of any size."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import KerasTensor, ops

from kerascnn.layers.geometry import Shape, image_shape


@keras.saving.register_keras_serializable(package="kerascnn")
class SpatialPyramidPooling2D(keras.layers.Layer):
    """Max pooling into a fixed number of bins, whatever the size of the image.

        bin (i, j) of level n = max of x over rows    floor(i H / n) to ceil((i + 1) H / n) - 1
                                         and columns  floor(j W / n) to ceil((j + 1) W / n) - 1

    Shapes: (batch, H, W, C) -> (batch, C * sum of n^2): level by level, row by row, channels last.
    H and W may be None and differ from call to call; below n pixels, bins share them.

    Args:
        levels: bins along each side, a level at a time; (1, 2, 4) is the paper's figure 3, its
            detector has (1, 2, 3, 6).

    Source: He, Zhang, Ren & Sun, "Spatial Pyramid Pooling in Deep Convolutional Networks for
    Visual Recognition", arXiv:1406.4729, section 2.2, and appendix A for the bins.
    """

    def __init__(self, levels: Sequence[int] = (1, 2, 4), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.levels = tuple(levels)
        if not self.levels or any(n < 1 for n in self.levels):
            raise ValueError(f"levels: expected positive numbers of bins, got {levels}")

    def call(self, inputs: KerasTensor) -> KerasTensor:
        channels = inputs.shape[-1]
        levels = [_bins(_bins(inputs, n, axis=1), n, axis=2) for n in self.levels]
        flat = [
            ops.reshape(level, (-1, n * n * channels))
            for n, level in zip(self.levels, levels, strict=True)
        ]
        return ops.concatenate(flat, axis=-1)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        _, channels = image_shape(input_shape, 2)
        return (input_shape[0], channels * sum(n * n for n in self.levels))

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"levels": self.levels}


def _bins(x, count, axis):
    """Maxima of `count` slices of `axis`, 1 or 2, which together cover it."""
    size = ops.shape(x)[axis]
    before = (slice(None),) * axis
    slices = [
        x[(*before, slice(i * size // count, -(-(i + 1) * size // count)))] for i in range(count)
    ]
    return ops.stack([ops.max(part, axis=axis) for part in slices], axis=axis)

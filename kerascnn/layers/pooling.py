"""Pooling that Keras has not: Caffe's rounding up.

What Keras has: overlapping pooling is keras.layers.MaxPooling2D with strides below pool_size;
global pooling is keras.layers.GlobalAveragePooling2D and GlobalMaxPooling2D.
"""

from typing import Any

import keras
from keras import KerasTensor, layers, ops

from kerascnn.layers.geometry import PerAxis, Shape, per_axis, same_padding


@keras.saving.register_keras_serializable(package="kerascnn")
class CeilMaxPooling2D(keras.layers.Layer):
    """Max pooling whose last window may reach over the right and the lower edge, as in Caffe.

        out = ceil((in - pool_size) / strides) + 1

    What lies over the edge counts for nothing: the last row and column stand in for it, which
    are in those windows anyway. That is the maximum one would get with minus infinity, without
    the range that an 8-bit tensor would have to spend on it.

    Shapes: (batch, H, W, C) -> (batch, out(H), out(W), C).

    Args:
        pool_size, strides: integers or pairs; strides <= pool_size, else a window could lie
            wholly outside. strides is pool_size by default.

    Source: Jia et al., "Caffe", arXiv:1408.5093; GoogLeNet and SqueezeNet are defined with it.
    """

    def __init__(
        self, pool_size: PerAxis = 2, strides: PerAxis | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.pool_size = per_axis(pool_size, 2)
        self.strides = self.pool_size if strides is None else per_axis(strides, 2)
        if any(s > k for k, s in zip(self.pool_size, self.strides, strict=True)):
            raise ValueError(
                f"strides: expected at most pool_size {self.pool_size}, got {self.strides}"
            )

    def call(self, inputs: KerasTensor) -> KerasTensor:
        x = inputs
        for axis, k, s in zip((1, 2), self.pool_size, self.strides, strict=True):
            size = x.shape[axis]
            # Where the size is not known, s - 1 more never make a window too many.
            over = s - 1 if size is None else (_ceil_size(size, k, s) - 1) * s + k - size
            last = x[:, -1:] if axis == 1 else x[:, :, -1:]
            x = ops.concatenate([x] + [last] * over, axis=axis) if over > 0 else x
        return ops.max_pool(x, self.pool_size, self.strides, padding="valid")

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        height, width = map(_ceil_size, input_shape[1:3], self.pool_size, self.strides)
        return (input_shape[0], height, width, input_shape[3])

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"pool_size": self.pool_size, "strides": self.strides}


def ceil_max_pool(
    x: KerasTensor, pool_size: PerAxis, strides: PerAxis | None = None, *, name: str
) -> KerasTensor:
    """Max pooling rounding up.  (H, W, C) -> (ceil((H - pool_size) / strides) + 1, ..., C).

    One layer called `name`: keras.layers.MaxPooling2D where "valid" or "same" gives the same
    windows at this size, as it does for 3 / 2 and 2 / 2 at any size, so that every tool knows
    the layer; `CeilMaxPooling2D` elsewhere, and where a size is None.
    """
    window = per_axis(pool_size, 2)
    steps = window if strides is None else per_axis(strides, 2)
    for padding in ("valid", "same"):
        if all(map(_is_ceil, x.shape[1:3], window, steps, [padding] * 2)):
            return layers.MaxPooling2D(window, steps, padding, name=name)(x)
    return CeilMaxPooling2D(window, steps, name=name)(x)


def _is_ceil(size, k, s, padding):
    """Whether Keras' `padding` makes the windows of rounding up: as many, the first at 0."""
    if size is None or size < k or s > k:
        return False
    over = (_ceil_size(size, k, s) - 1) * s + k - size
    if padding == "valid":
        return over == 0
    return _ceil_size(size, k, s) == -(-size // s) and over <= 1


def _ceil_size(size: Any, k: int, s: int) -> Any:
    if size is None:
        return None
    if size < k:
        raise ValueError(f"pool_size: expected at most the input's {size}, got {k}")
    return -(-(size - k) // s) + 1


def padded_max_pool(x: KerasTensor, pool_size: int, strides: int, *, name: str) -> KerasTensor:
    """Max pooling behind pool_size // 2 zeros on every side: `{name}_pad` and `name`.

    (H, W, C) -> (ceil(H / strides), ceil(W / strides), C) for an odd pool_size. The zeros stand
    for minus infinity where x comes out of a ReLU.
    """
    x = layers.ZeroPadding2D(pool_size // 2, name=f"{name}_pad")(x)
    return layers.MaxPooling2D(pool_size, strides, name=name)(x)


def centered_max_pool(x: KerasTensor, pool_size: int, strides: int, *, name: str) -> KerasTensor:
    """Max pooling whose windows lie around every `strides`-th pixel, from the first on.

    (H, W, C) -> (ceil(H / strides), ceil(W / strides), C) for an odd pool_size, as torch pools with
    padding pool_size // 2; what lies outside counts for nothing, whatever the sign of x. `name`
    where Keras' "same" has those windows, else `{name}_wide_pool` at stride 1, and `name` that
    takes every `strides`-th of its pixels.
    """
    before = [same_padding(size, pool_size, strides)[0] for size in x.shape[1:3]]
    if before == [pool_size // 2] * 2:
        return layers.MaxPooling2D(pool_size, strides, "same", name=name)(x)
    x = layers.MaxPooling2D(pool_size, 1, "same", name=f"{name}_wide_pool")(x)
    return layers.MaxPooling2D(1, strides, name=name)(x)


def padded_average_pool(x: KerasTensor, pool_size: int, *, name: str) -> KerasTensor:
    """Average pooling at stride 1 that counts the zeros around: `{name}_pad` and `name`.

    (H, W, C) -> (H, W, C) for an odd pool_size. Caffe and torch average so; Keras' "same" divides
    by the number of pixels that lie inside, which differs along the border.
    """
    x = layers.ZeroPadding2D(pool_size // 2, name=f"{name}_pad")(x)
    return layers.AveragePooling2D(pool_size, 1, name=name)(x)

"""Pooling that Keras has not: rounding up, indices of the maxima, spatial pyramids.

What it has: overlapping pooling is keras.layers.MaxPooling2D with strides below pool_size; global
pooling is keras.layers.GlobalAveragePooling2D and GlobalMaxPooling2D.
"""

import keras
from keras import layers, ops

from kerascnn.layers.geometry import (
    check_padding,
    image_shape,
    per_axis,
    same_padding,
    window_count,
    windows,
)


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

    def __init__(self, pool_size=2, strides=None, **kwargs):
        super().__init__(**kwargs)
        self.pool_size = per_axis(pool_size, 2)
        self.strides = self.pool_size if strides is None else per_axis(strides, 2)
        if any(s > k for k, s in zip(self.pool_size, self.strides, strict=True)):
            raise ValueError(
                f"strides: expected at most pool_size {self.pool_size}, got {self.strides}"
            )

    def call(self, inputs):
        x = inputs
        for axis, k, s in zip((1, 2), self.pool_size, self.strides, strict=True):
            size = x.shape[axis]
            # Where the size is not known, s - 1 more never make a window too many.
            over = s - 1 if size is None else (_ceil_size(size, k, s) - 1) * s + k - size
            last = x[:, -1:] if axis == 1 else x[:, :, -1:]
            x = ops.concatenate([x] + [last] * over, axis=axis) if over > 0 else x
        return ops.max_pool(x, self.pool_size, self.strides, padding="valid")

    def compute_output_shape(self, input_shape):
        height, width = map(_ceil_size, input_shape[1:3], self.pool_size, self.strides)
        return (input_shape[0], height, width, input_shape[3])

    def get_config(self):
        return super().get_config() | {"pool_size": self.pool_size, "strides": self.strides}


def ceil_max_pool(x, pool_size, strides=None, *, name):
    """Max pooling rounding up.  (H, W, C) -> (ceil((H - pool_size) / strides) + 1, ..., C).

    One layer called `name`: keras.layers.MaxPooling2D where "valid" or "same" gives the same
    windows at this size, as it does for 3 / 2 and 2 / 2 at any size, so that every tool knows
    the layer; `CeilMaxPooling2D` elsewhere, and where a size is None.
    """
    pool_size = per_axis(pool_size, 2)
    strides = pool_size if strides is None else per_axis(strides, 2)
    for padding in ("valid", "same"):
        if all(map(_is_ceil, x.shape[1:3], pool_size, strides, [padding] * 2)):
            return layers.MaxPooling2D(pool_size, strides, padding, name=name)(x)
    return CeilMaxPooling2D(pool_size, strides, name=name)(x)


def _is_ceil(size, k, s, padding):
    """Whether Keras' `padding` makes the windows of rounding up: as many, the first at 0."""
    if size is None or size < k or s > k:
        return False
    over = (_ceil_size(size, k, s) - 1) * s + k - size
    if padding == "valid":
        return over == 0
    return _ceil_size(size, k, s) == -(-size // s) and over <= 1


def _ceil_size(size, k, s):
    if size is None:
        return None
    if size < k:
        raise ValueError(f"pool_size: expected at most the input's {size}, got {k}")
    return -(-(size - k) // s) + 1


@keras.saving.register_keras_serializable(package="kerascnn")
class MaxPoolingWithIndices2D(keras.layers.Layer):
    """Max pooling that also says where in the image each maximum stood.

        values, indices = MaxPoolingWithIndices2D(2)(x)
        values[h, w, c] = x[p, c] at p = indices[h, w, c] = row * W + column

    values are those of keras.layers.MaxPooling2D. Where a window has its maximum twice, the index
    is that of the first, row by row. `MaxUnpooling2D` puts the values back.

    Shapes: (batch, H, W, C) -> twice (batch, H', W', C), H' as for MaxPooling2D; the indices are
    int32. H and W must be known.

    Args:
        pool_size, strides: integers or pairs; strides is pool_size by default.
        padding: "valid" or "same".

    Source: Zeiler & Fergus, "Visualizing and Understanding Convolutional Networks",
    arXiv:1311.2901, section 2.1 (the "switches"); SegNet, arXiv:1511.00561, section 3.
    """

    def __init__(self, pool_size=2, strides=None, padding="valid", **kwargs):
        super().__init__(**kwargs)
        self.pool_size = per_axis(pool_size, 2)
        self.strides = self.pool_size if strides is None else per_axis(strides, 2)
        self.padding = check_padding(padding)

    def call(self, inputs):
        sizes, _ = image_shape(inputs.shape, 2)
        parts = windows(inputs, self.pool_size, self.strides, self.padding, fill=float("-inf"))
        place = ops.cast(ops.argmax(ops.stack(parts, axis=-1), axis=-1), "int32")
        row, column = place // self.pool_size[1], place % self.pool_size[1]
        rows, columns = map(self._corners, (0, 1), sizes)
        row = row + ops.reshape(rows, (-1, 1, 1))
        column = column + ops.reshape(columns, (-1, 1))
        # Keras' own pooling for the values: its gradient goes to one winner, that of ops.max
        # is split between equal ones.
        values = ops.max_pool(inputs, self.pool_size, self.strides, self.padding)
        return values, row * sizes[1] + column

    def _corners(self, axis, size):
        """Where the windows begin along `axis`; the first may begin in front of the image."""
        window, stride = self.pool_size[axis], self.strides[axis]
        before = same_padding(size, window, stride)[0] if self.padding == "same" else 0
        count = window_count(size, window, stride, self.padding)
        return ops.arange(count, dtype="int32") * stride - before

    def compute_output_shape(self, input_shape):
        sizes, channels = image_shape(input_shape, 2)
        if None in sizes:
            raise ValueError(
                f"MaxPoolingWithIndices2D: expected a known height and width, got {input_shape}"
            )
        padding = [self.padding] * 2
        pooled = map(window_count, sizes, self.pool_size, self.strides, padding)
        shape = (input_shape[0], *pooled, channels)
        return shape, shape

    def compute_output_spec(self, inputs):
        values, indices = self.compute_output_shape(inputs.shape)
        return (
            keras.KerasTensor(values, dtype=self.compute_dtype),
            keras.KerasTensor(indices, dtype="int32"),
        )

    def get_config(self):
        return super().get_config() | {
            "pool_size": self.pool_size, "strides": self.strides, "padding": self.padding,
        }  # fmt: skip


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

    def __init__(self, levels=(1, 2, 4), **kwargs):
        super().__init__(**kwargs)
        self.levels = tuple(levels)
        if not self.levels or any(n < 1 for n in self.levels):
            raise ValueError(f"levels: expected positive numbers of bins, got {levels}")

    def call(self, inputs):
        channels = inputs.shape[-1]
        levels = [_bins(_bins(inputs, n, axis=1), n, axis=2) for n in self.levels]
        flat = [
            ops.reshape(level, (-1, n * n * channels))
            for n, level in zip(self.levels, levels, strict=True)
        ]
        return ops.concatenate(flat, axis=-1)

    def compute_output_shape(self, input_shape):
        _, channels = image_shape(input_shape, 2)
        return (input_shape[0], channels * sum(n * n for n in self.levels))

    def get_config(self):
        return super().get_config() | {"levels": self.levels}


def _bins(x, count, axis):
    """Maxima of `count` slices of `axis`, 1 or 2, which together cover it."""
    size = ops.shape(x)[axis]
    before = (slice(None),) * axis
    slices = [x[(*before, slice(i * size // count, -(-(i + 1) * size // count)))]
              for i in range(count)]  # fmt: skip
    return ops.stack([ops.max(part, axis=axis) for part in slices], axis=axis)

"""Pooling that remembers where its maxima stood, and the ways back to a finer image."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import KerasTensor, ops

from kerascnn.layers.geometry import (
    PerAxis,
    Shape,
    check_padding,
    image_shape,
    per_axis,
    same_padding,
    window_count,
    windows,
)


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

    def __init__(
        self,
        pool_size: PerAxis = 2,
        strides: PerAxis | None = None,
        padding: str = "valid",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.pool_size = per_axis(pool_size, 2)
        self.strides = self.pool_size if strides is None else per_axis(strides, 2)
        self.padding = check_padding(padding)

    def call(self, inputs: KerasTensor) -> tuple[KerasTensor, KerasTensor]:
        sizes, _ = image_shape(inputs.shape, 2)
        parts = windows(inputs, self.pool_size, self.strides, self.padding, fill=float("-inf"))
        # Comparisons, for Keras' argmax of floats becomes operators that TFLite has not.
        largest, place = parts[0], ops.zeros_like(parts[0], dtype="int32")
        for i, part in enumerate(parts[1:], start=1):
            place = ops.where(part > largest, i, place)
            largest = ops.maximum(largest, part)
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

    def compute_output_shape(self, input_shape: Shape) -> tuple[Shape, Shape]:
        sizes, channels = image_shape(input_shape, 2)
        if None in sizes:
            raise ValueError(
                f"MaxPoolingWithIndices2D: expected a known height and width, got {input_shape}"
            )
        padding = [self.padding] * 2
        pooled = map(window_count, sizes, self.pool_size, self.strides, padding)
        shape = (input_shape[0], *pooled, channels)
        return shape, shape

    def compute_output_spec(self, inputs: KerasTensor) -> tuple[KerasTensor, KerasTensor]:
        values, indices = self.compute_output_shape(inputs.shape)
        return (
            keras.KerasTensor(values, dtype=self.compute_dtype),
            keras.KerasTensor(indices, dtype="int32"),
        )

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "pool_size": self.pool_size,
            "strides": self.strides,
            "padding": self.padding,
        }


@keras.saving.register_keras_serializable(package="kerascnn")
class MaxUnpooling2D(keras.layers.Layer):
    """Puts each value back where `MaxPoolingWithIndices2D` found it; zeros elsewhere.

        y[b, p, c] = sum of x[b, q, c] over the pooled positions q with indices[b, q, c] = p

    The transpose of the pooling. The sum matters only where windows overlapped and two of them
    had the same maximum.

    Call: `MaxUnpooling2D()(values, indices)`.

    Shapes: values and indices (batch, h, w, C) -> (batch, H, W, C).

    Args:
        size: H / h and W / w; an integer or a pair.
        output_size: (H, W), in place of `size`, where the pooled image did not fill its windows.
            Indices are of that image: another width would scatter them.

    Source: Zeiler & Fergus, "Visualizing and Understanding Convolutional Networks",
    arXiv:1311.2901, section 2.1; Badrinarayanan, Kendall & Cipolla, "SegNet", arXiv:1511.00561.
    """

    def __init__(
        self, size: PerAxis = 2, *, output_size: Sequence[int] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.size = per_axis(size, 2)
        self.output_size = None if output_size is None else per_axis(output_size, 2)

    def call(self, inputs: KerasTensor, indices: KerasTensor) -> KerasTensor:
        batch, *sizes, channels = ops.shape(inputs)
        height, width = self._sizes(sizes)
        images = ops.reshape(ops.arange(batch, dtype="int32"), (-1, 1, 1, 1))
        place = (images * (height * width) + indices) * channels
        place = place + ops.arange(channels, dtype="int32")
        y = ops.scatter(
            ops.reshape(place, (-1, 1)),
            ops.reshape(inputs, (-1,)),
            (batch * height * width * channels,),
        )
        return ops.reshape(y, (-1, height, width, channels))

    def _sizes(self, sizes) -> Any:
        if self.output_size is not None:
            return self.output_size
        pairs = zip(sizes, self.size, strict=True)
        return tuple(None if n is None else n * factor for n, factor in pairs)

    def compute_output_shape(self, inputs_shape: Shape, indices_shape: Shape) -> Shape:
        if tuple(inputs_shape) != tuple(indices_shape):
            raise ValueError(
                f"indices: expected the values' shape {inputs_shape}, got {indices_shape}"
            )
        return (inputs_shape[0], *self._sizes(inputs_shape[1:3]), inputs_shape[3])

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"size": self.size, "output_size": self.output_size}


@keras.saving.register_keras_serializable(package="kerascnn")
class NearestUnpooling2D(keras.layers.Layer):
    """Repeats every pixel `size` times along both axes.

        y[h, w] = x[floor(h / size), floor(w / size)]

    The numbers of keras.layers.UpSampling2D, by the operator for it that mobile runtimes have
    (TFLite's RESIZE_NEAREST_NEIGHBOR), where that one becomes a five-dimensional tile.

    Shapes: (batch, H, W, C) -> (batch, size H, size W, C).

    Args:
        size: an integer or a pair.

    Source: Odena, Dumoulin & Olah, "Deconvolution and Checkerboard Artifacts", Distill 2016.
    """

    def __init__(self, size: PerAxis = 2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size = per_axis(size, 2)

    def call(self, inputs: KerasTensor) -> KerasTensor:
        sizes = ops.shape(inputs)[1:3]
        finer = tuple(n * factor for n, factor in zip(sizes, self.size, strict=True))
        return ops.image.resize(inputs, finer, interpolation="nearest", data_format="channels_last")

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        sizes, channels = image_shape(input_shape, 2)
        pairs = zip(sizes, self.size, strict=True)
        finer = [None if n is None else n * factor for n, factor in pairs]
        return (input_shape[0], *finer, channels)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"size": self.size}

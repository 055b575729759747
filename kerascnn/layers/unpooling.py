"""The way back from a pooled image to a finer one."""

import keras
from keras import ops

from kerascnn.layers.geometry import image_shape, per_axis


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

    def __init__(self, size=2, *, output_size=None, **kwargs):
        super().__init__(**kwargs)
        self.size = per_axis(size, 2)
        self.output_size = None if output_size is None else per_axis(output_size, 2)

    def call(self, inputs, indices):
        batch, *sizes, channels = ops.shape(inputs)
        height, width = self._sizes(sizes)
        images = ops.reshape(ops.arange(batch, dtype="int32"), (-1, 1, 1, 1))
        place = (images * (height * width) + indices) * channels
        place = place + ops.arange(channels, dtype="int32")
        y = ops.scatter(
            ops.reshape(place, (-1, 1)), ops.reshape(inputs, (-1,)),
            (batch * height * width * channels,),
        )  # fmt: skip
        return ops.reshape(y, (-1, height, width, channels))

    def _sizes(self, sizes):
        if self.output_size is not None:
            return self.output_size
        pairs = zip(sizes, self.size, strict=True)
        return tuple(None if n is None else n * factor for n, factor in pairs)

    def compute_output_shape(self, inputs_shape, indices_shape):
        if tuple(inputs_shape) != tuple(indices_shape):
            raise ValueError(f"indices: expected the values' shape {inputs_shape}, "
                             f"got {indices_shape}")  # fmt: skip
        return (inputs_shape[0], *self._sizes(inputs_shape[1:3]), inputs_shape[3])

    def get_config(self):
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

    def __init__(self, size=2, **kwargs):
        super().__init__(**kwargs)
        self.size = per_axis(size, 2)

    def call(self, inputs):
        sizes = ops.shape(inputs)[1:3]
        finer = tuple(n * factor for n, factor in zip(sizes, self.size, strict=True))
        return ops.image.resize(inputs, finer, interpolation="nearest", data_format="channels_last")

    def compute_output_shape(self, input_shape):
        sizes, channels = image_shape(input_shape, 2)
        pairs = zip(sizes, self.size, strict=True)
        finer = [None if n is None else n * factor for n, factor in pairs]
        return (input_shape[0], *finer, channels)

    def get_config(self):
        return super().get_config() | {"size": self.size}

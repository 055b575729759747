"""Layers of Keras 3 and of kerascnn that tf_keras has not, written once more for tf_keras.

Imported by the bridge only: it needs the extra `tfmot`. Every class computes what its namesake
computes, in the same words; see there for formula and source.
"""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tf_keras

register = tf_keras.utils.register_keras_serializable(package="kerascnn")


@register
class HardSigmoid(tf_keras.layers.Layer):
    """relu6(x + 3) / 6, as in Keras 3; that of tf_keras is clip(0.2 x + 0.5).  (...) -> (...)"""

    def call(self, inputs: Any) -> tf.Tensor:
        return tf.nn.relu6(inputs + 3.0) * (1 / 6)


@register
class HardSwish(tf_keras.layers.Layer):
    """x relu6(x + 3) / 6, which TFLite has a kernel for.  (...) -> (...)"""

    def call(self, inputs: Any) -> tf.Tensor:
        return inputs * tf.nn.relu6(inputs + 3.0) * (1 / 6)


@register
class RoundedRescaling(tf_keras.layers.Rescaling):
    """Rescaling whose output is rounded at the 256 values that raw pixels can take.  4-D -> 4-D

    rescales: switched off while an int8 file is written, whose input quantization does it.
    """

    rescales = True

    def call(self, inputs: Any) -> tf.Tensor:
        low, high = (float(v * self.scale + self.offset) for v in (0.0, 255.0))
        x = super().call(inputs) if self.rescales else inputs
        return tf.quantization.fake_quant_with_min_max_args(x, min(low, high), max(low, high))


@register
class ChannelSlice(tf_keras.layers.Layer):
    """One of the parts that a ChannelSplit makes.  (..., C) -> (..., C / sections)"""

    def __init__(self, index: int, sections: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.index, self.sections = index, sections

    def call(self, inputs: Any) -> tf.Tensor:
        part = inputs.shape[-1] // self.sections
        return inputs[..., self.index * part : (self.index + 1) * part]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "index": self.index, "sections": self.sections}


@register
class ChannelShuffle(tf_keras.layers.Layer):
    """kerascnn.layers.ChannelShuffle.  (..., C) -> (..., C)"""

    def __init__(self, groups: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.groups = groups

    def call(self, inputs: Any) -> tf.Tensor:
        x = tf.reshape(inputs, (-1, self.groups, inputs.shape[-1] // self.groups))
        return tf.reshape(tf.transpose(x, (0, 2, 1)), (-1, *inputs.shape[1:]))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "groups": self.groups}


@register
class ChannelZeroPadding(tf_keras.layers.Layer):
    """kerascnn.layers.ChannelZeroPadding.  (..., C) -> (..., filters)"""

    def __init__(self, filters: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.filters = filters

    def call(self, inputs: Any) -> tf.Tensor:
        missing = self.filters - inputs.shape[-1]
        return tf.pad(inputs, [(0, 0)] * (inputs.shape.rank - 1) + [(0, missing)])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "filters": self.filters}


@register
class CeilPadding2D(tf_keras.layers.Layer):
    """Repeats the last row and column where a CeilMaxPooling2D reaches over the edge.  4-D -> 4-D

    Max pooling with padding "valid" then gives what that layer gives.
    """

    def __init__(self, pool_size: Sequence[int], strides: Sequence[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pool_size, self.strides = tuple(pool_size), tuple(strides)

    def call(self, inputs: Any) -> tf.Tensor:
        x = inputs
        for axis, k, s in zip((1, 2), self.pool_size, self.strides, strict=True):
            size = x.shape[axis]
            over = s - 1 if size is None else -(-(size - k) // s) * s + k - size
            last = x[:, -1:] if axis == 1 else x[:, :, -1:]
            x = tf.concat([x] + [last] * over, axis=axis) if over > 0 else x
        return x

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "pool_size": self.pool_size, "strides": self.strides}


@register
class LocalResponseNormalization(tf_keras.layers.Layer):
    """kerascnn.layers.LocalResponseNormalization, by TensorFlow's own kernel.  4-D -> 4-D"""

    def __init__(self, size: int, alpha: float, beta: float, k: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def call(self, inputs: Any) -> tf.Tensor:
        return tf.nn.local_response_normalization(
            inputs, self.size // 2, self.k, self.alpha, self.beta
        )

    def get_config(self) -> dict[str, Any]:
        own = {"size": self.size, "alpha": self.alpha, "beta": self.beta, "k": self.k}
        return {**super().get_config(), **own}


@register
class StochasticDepth(tf_keras.layers.Layer):
    """kerascnn.layers.StochasticDepth.  (batch, ...) -> (batch, ...)"""

    def __init__(self, survival: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.survival = survival

    def call(self, inputs: tf.Tensor, training: Any = None) -> tf.Tensor:
        def drop():
            shape: Any = (tf.shape(inputs)[0], *[1] * (inputs.shape.rank - 1))
            return inputs * tf.cast(tf.random.uniform(shape) < self.survival, inputs.dtype)

        if training is None:
            training = tf_keras.backend.learning_phase()
        return tf_keras.backend.in_train_phase(drop, lambda: inputs * self.survival, training)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "survival": self.survival}


@register
class FractalColumn(tf_keras.layers.Layer):
    """kerascnn.layers.FractalColumn.  (batch, ...) -> (batch,)"""

    def __init__(self, columns: int, global_fraction: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.columns, self.global_fraction = columns, global_fraction

    def call(self, inputs: tf.Tensor, training: Any = None) -> tf.Tensor:
        shape = tf.shape(inputs)[:1]

        def draw():
            column = tf.random.uniform(shape, 0, self.columns, tf.int32)
            return tf.where(tf.random.uniform(shape) < self.global_fraction, column, -1)

        if training is None:
            training = tf_keras.backend.learning_phase()
        return tf_keras.backend.in_train_phase(draw, lambda: tf.fill(shape, -1), training)

    def get_config(self) -> dict[str, Any]:
        own = {"columns": self.columns, "global_fraction": self.global_fraction}
        return {**super().get_config(), **own}


@register
class FractalJoin(tf_keras.layers.Layer):
    """kerascnn.layers.FractalJoin.  n times (batch, ...), (batch,) -> (batch, ...)"""

    def __init__(self, drop: float, columns: Sequence[int] | None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.drop, self.columns = drop, columns

    def call(
        self, inputs: Sequence[tf.Tensor], column: tf.Tensor | None = None, training: Any = None
    ) -> tf.Tensor:
        count = len(inputs)

        def join():
            batch: Any = tf.shape(inputs[0])[0]
            alive = tf.random.uniform((batch, count)) >= self.drop
            last = tf.one_hot(tf.random.uniform((batch,), 0, count, tf.int32), count, True, False)
            alive = _or_where_empty(alive, last)
            if column is not None:
                chosen = column[:, None] == tf.constant(self.columns or range(count))
                chosen = _or_where_empty(chosen, tf.ones_like(alive))
                alive = tf.where(column[:, None] >= 0, chosen, alive)
            weight = tf.cast(alive, inputs[0].dtype)
            weight = weight / tf.reduce_sum(weight, axis=1, keepdims=True)
            weight = tf.reshape(weight, (-1, count, *[1] * (inputs[0].shape.rank - 1)))
            return tf.add_n([x * weight[:, i] for i, x in enumerate(inputs)])

        if training is None:
            training = tf_keras.backend.learning_phase()
        mean = lambda: tf.add_n(inputs) * (1 / count)  # noqa: E731, a branch of two lines
        return tf_keras.backend.in_train_phase(join, mean, training)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "drop": self.drop, "columns": self.columns}


def _or_where_empty(alive, otherwise):
    """Rows of `alive`, (batch, n) of booleans; a row without any True is that of `otherwise`."""
    return tf.where(tf.reduce_any(alive, axis=1, keepdims=True), alive, otherwise)

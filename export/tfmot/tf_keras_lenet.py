"""The layers of LeNet-5 as of 1998, written once more for tf_keras; see kerascnn.layers.lenet."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tf_keras

register = tf_keras.utils.register_keras_serializable(package="kerascnn")


@register
class ScaledTanh(tf_keras.layers.Layer):
    """kerascnn.layers.scaled_tanh, 1.7159 tanh(2 x / 3).  (...) -> (...)"""

    def call(self, inputs: Any) -> tf.Tensor:
        return 1.7159 * tf.tanh(inputs * (2 / 3))


@register
class PartiallyConnectedConv2D(tf_keras.layers.Layer):
    """kerascnn.layers.PartiallyConnectedConv2D.  (H, W, C) -> (H - kh + 1, W - kw + 1, filters)"""

    def __init__(
        self, table: Sequence[Sequence[int]], kernel_size: Sequence[int], **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.table, self.kernel_size = tuple(map(tuple, table)), tuple(kernel_size)

    def build(self, input_shape: Sequence[Any]) -> None:
        self.kernel = self.add_weight("kernel", (*self.kernel_size, sum(map(len, self.table))))
        self.bias = self.add_weight("bias", (len(self.table),))

    def call(self, inputs: Any) -> tf.Tensor:
        channels, filters = inputs.shape[-1], len(self.table)
        place = [c * filters + f for f, seen in enumerate(self.table) for c in seen]
        kernel = self.kernel @ tf.one_hot(place, channels * filters)
        kernel = tf.reshape(kernel, (*self.kernel_size, channels, filters))
        return tf.nn.conv2d(inputs, kernel, strides=1, padding="VALID") + self.bias

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "table": self.table, "kernel_size": self.kernel_size}


@register
class TrainableSubsampling2D(tf_keras.layers.Layer):
    """kerascnn.layers.TrainableSubsampling2D.  (H, W, C) -> (H // pool_size, W // pool_size, C)"""

    def __init__(self, pool_size: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pool_size = pool_size

    def build(self, input_shape: Sequence[Any]) -> None:
        self.coefficient = self.add_weight("coefficient", (input_shape[-1],))
        self.bias = self.add_weight("bias", (input_shape[-1],))

    def call(self, inputs: Any) -> tf.Tensor:
        mean = tf.nn.avg_pool2d(inputs, self.pool_size, self.pool_size, "VALID")
        return mean * (self.coefficient * self.pool_size**2) + self.bias

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "pool_size": self.pool_size}


@register
class RadialBasisOutput(tf_keras.layers.Layer):
    """kerascnn.layers.RadialBasisOutput.  (batch, n) -> (batch, classes)"""

    def __init__(self, codes: Sequence[Sequence[float]], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.codes = tuple(map(tuple, codes))

    def call(self, inputs: Any) -> tf.Tensor:
        return -tf.reduce_sum(
            tf.square(inputs[:, None] - tf.constant(self.codes, inputs.dtype)), axis=-1
        )

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "codes": self.codes}

"""What LeNet-5 was made of in 1998 and no later network uses.

Source of all: LeCun, Bottou, Bengio & Haffner, "Gradient-Based Learning Applied to Document
Recognition", Proceedings of the IEEE 86(11), 1998, section II-B and appendix A.
"""

from collections.abc import Sequence
from math import prod
from typing import Any

import keras
from keras import KerasTensor, ops

from kerascnn.layers.geometry import PerAxis, Shape, per_axis


@keras.saving.register_keras_serializable(package="kerascnn")
def scaled_tanh(x: KerasTensor) -> KerasTensor:
    """1.7159 tanh(2 x / 3): f(1) = 1 and f(-1) = -1, where its curvature is largest."""
    return 1.7159 * ops.tanh(x * (2 / 3))


@keras.saving.register_keras_serializable(package="kerascnn")
class PartiallyConnectedConv2D(keras.layers.Layer):
    """Convolution in which each filter sees only some of the input channels.

        y[..., f] = bias[f] + sum over c in table[f] of (kernel of c and f) * x[..., c]

    No padding, stride 1. One kernel for each connection of the table is all the layer owns; a
    dense kernel with zeros for the rest is put together for the computation.

    Shapes: (batch, H, W, C) -> (batch, H - kh + 1, W - kw + 1, len(table)).

    Args:
        table: for each filter the input channels it sees, counted from 0.
        kernel_size: integer or pair.
    """

    def __init__(self, table: Sequence[Sequence[int]], kernel_size: PerAxis, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.table = tuple(tuple(channels) for channels in table)
        self.kernel_size = per_axis(kernel_size, 2)

    def build(self, input_shape: Shape) -> None:
        last = max(max(channels) for channels in self.table)
        if last >= input_shape[-1]:
            raise ValueError(
                f"table: expected channels 0 to {input_shape[-1] - 1}, got {last}; "
                f"the input has {input_shape[-1]} channels"
            )
        fan_in = [len(c) * prod(self.kernel_size) for c in self.table for _ in c]
        self.kernel = self.add_weight(
            shape=(*self.kernel_size, len(fan_in)),
            name="kernel",
            initializer=lambda shape, dtype: (
                keras.random.uniform(shape, -2.4, 2.4, dtype) / ops.cast(fan_in, dtype)
            ),
        )
        self.bias = self.add_weight(shape=(len(self.table),), name="bias", initializer="zeros")

    def call(self, inputs: KerasTensor) -> KerasTensor:
        channels, filters = inputs.shape[-1], len(self.table)
        place = [c * filters + f for f, seen in enumerate(self.table) for c in seen]
        scatter = ops.one_hot(place, channels * filters, dtype=inputs.dtype)
        kernel = ops.matmul(ops.reshape(self.kernel, (-1, len(place))), scatter)
        kernel = ops.reshape(kernel, (*self.kernel_size, channels, filters))
        return ops.conv(inputs, kernel, padding="valid") + self.bias

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        sizes = [n - k + 1 for n, k in zip(input_shape[1:3], self.kernel_size, strict=True)]
        return (input_shape[0], *sizes, len(self.table))

    def count_macs(self, input_shape: Shape) -> int:
        """Multiplications of the connections in the table, not of the zeros between them."""
        positions = prod(self.compute_output_shape(input_shape)[1:3])
        return positions * prod(self.kernel_size) * sum(map(len, self.table))

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"table": self.table, "kernel_size": self.kernel_size}


@keras.saving.register_keras_serializable(package="kerascnn")
class TrainableSubsampling2D(keras.layers.Layer):
    """Sum over windows that do not overlap, with one coefficient and one bias for each map.

        y = coefficient[c] * (sum of the window) + bias[c]

    It starts as the average, with coefficient = 1 / pool_size^2 and bias = 0.

    Shapes: (batch, H, W, C) -> (batch, H // pool_size, W // pool_size, C).
    """

    def __init__(self, pool_size: int = 2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pool_size = pool_size

    def build(self, input_shape: Shape) -> None:
        average = keras.initializers.Constant(1 / self.pool_size**2)
        shape = (input_shape[-1],)
        self.coefficient = self.add_weight(shape=shape, name="coefficient", initializer=average)
        self.bias = self.add_weight(shape=shape, name="bias", initializer="zeros")

    def call(self, inputs: KerasTensor) -> KerasTensor:
        mean = ops.average_pool(inputs, self.pool_size, self.pool_size, padding="valid")
        return mean * (self.coefficient * self.pool_size**2) + self.bias

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        batch, height, width, channels = input_shape
        return (batch, height // self.pool_size, width // self.pool_size, channels)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"pool_size": self.pool_size}


@keras.saving.register_keras_serializable(package="kerascnn")
class RadialBasisOutput(keras.layers.Layer):
    """Minus the squared Euclidean distance to one fixed code for each class.

        y[i] = -sum over j of (x[j] - codes[i][j])^2

    The paper's units give the distance itself, a penalty; with the minus the nearest code wins,
    as with logits, and their softmax is the paper's discriminative criterion without its constant.

    Shapes: (batch, n) -> (batch, len(codes)). The codes are no weights: nothing is trained.

    Args:
        codes: for each class n numbers.
    """

    def __init__(self, codes: Sequence[Sequence[float]], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.codes = tuple(tuple(code) for code in codes)

    def call(self, inputs: KerasTensor) -> KerasTensor:
        codes = ops.convert_to_tensor(self.codes, dtype=inputs.dtype)
        return -ops.sum(ops.square(ops.expand_dims(inputs, 1) - codes), axis=-1)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (input_shape[0], len(self.codes))

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"codes": self.codes}

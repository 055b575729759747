"""Dropping whole branches while training: stochastic depth, and the drop-path of fractals."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import KerasTensor, ops

from kerascnn.layers.geometry import Shape


@keras.saving.register_keras_serializable(package="kerascnn")
class StochasticDepth(keras.layers.Layer):
    """Switches a residual branch off, image by image, while training.

        training   y = b * x,  b = 1 with probability `survival`, else 0, drawn for each image
        inference  y = survival * x

    Stands on the branch, in front of the addition; the shortcut passes by. The expectation of the
    branch is the same in both modes, and is smaller than that of the branch without this layer.
    The paper draws one b for a mini-batch so as to skip the computation; here each image has its
    own, which leaves the expectation as it is and lowers the variance of the gradient.

    Shapes: (batch, ...) -> the same.

    Args:
        survival: probability that the branch survives, in (0, 1].
        seed: integer, or None.

    Source: Huang, Sun, Liu, Sedra & Weinberger, "Deep Networks with Stochastic Depth",
    arXiv:1603.09382, equations 2 and 5.
    """

    def __init__(self, survival: float, *, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not 0 < survival <= 1:
            raise ValueError(f"survival: expected a probability in (0, 1], got {survival}")
        self.survival = survival
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, inputs: KerasTensor, training: bool = False) -> KerasTensor:
        if self.survival == 1:
            return inputs
        if not training:
            return inputs * self.survival
        shape = (ops.shape(inputs)[0], *[1] * (len(inputs.shape) - 1))
        alive = keras.random.uniform(shape, seed=self.seed_generator) < self.survival
        return inputs * ops.cast(alive, inputs.dtype)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return tuple(input_shape)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"survival": self.survival, "seed": self.seed}


@keras.saving.register_keras_serializable(package="kerascnn")
class FractalColumn(keras.layers.Layer):
    """Draws, image by image, how the joins of a fractal network drop paths.

        -1      with probability 1 - `global_fraction`: each join samples on its own
        0 .. C-1  else, uniformly: all joins keep this one column

    One such layer serves all joins of a network, so that they agree on the column. At inference
    it gives -1, which the joins do not read.

    Shapes: (batch, ...) -> (batch,), int32. Only the size of the batch is read.

    Args:
        columns: C, the number of columns of the network.
        global_fraction: the share of images with global sampling; 0.5 in the paper.
        seed: integer, or None.

    Source: Larsson, Maire & Shakhnarovich, "FractalNet: Ultra-Deep Neural Networks without
    Residuals", arXiv:1605.07648, section 3.1.
    """

    def __init__(
        self, columns: int, *, global_fraction: float = 0.5, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if columns < 1:
            raise ValueError(f"columns: expected at least 1, got {columns}")
        if not 0 <= global_fraction <= 1:
            raise ValueError(f"global_fraction: expected a share in [0, 1], got {global_fraction}")
        self.columns = columns
        self.global_fraction = global_fraction
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, inputs: KerasTensor, training: bool = False) -> KerasTensor:
        shape = (ops.shape(inputs)[0],)
        if not training:
            return ops.full(shape, -1, dtype="int32")
        column = keras.random.randint(shape, 0, self.columns, seed=self.seed_generator)
        is_global = keras.random.uniform(shape, seed=self.seed_generator) < self.global_fraction
        return ops.where(is_global, column, -1)

    def compute_output_spec(self, inputs: KerasTensor, training: bool = False) -> KerasTensor:
        return keras.KerasTensor((inputs.shape[0],), dtype="int32")

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (input_shape[0],)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "columns": self.columns,
            "global_fraction": self.global_fraction,
            "seed": self.seed,
        }


@keras.saving.register_keras_serializable(package="kerascnn")
class FractalJoin(keras.layers.Layer):
    """The join of a fractal network: the mean of those inputs that drop-path leaves alive.

        y = sum of w[i] * x[i],  w[i] = alive[i] / (number alive)

    Inference: all are alive. Training, for each image on its own:

        local sampling    each input is dropped with probability `drop`; where all would be, one,
                          drawn uniformly, stays
        global sampling   only the input of the drawn column is alive; where that column does not
                          come to this join, all are, and nothing downstream of it is kept

    Call: `join([x1, x2])` samples locally; `join([x1, x2], column)`, with `column` the output of
    a `FractalColumn`, samples as that says.

    Shapes: n times (batch, ...), column (batch,) -> (batch, ...).

    Args:
        drop: probability of dropping an input in local sampling; 0.15 in the paper.
        columns: the number of the column each input comes from; 0, 1, 2, ... by default.
        seed: integer, or None.

    Source: Larsson, Maire & Shakhnarovich, "FractalNet: Ultra-Deep Neural Networks without
    Residuals", arXiv:1605.07648, sections 3 and 3.1.
    """

    def __init__(
        self,
        drop: float = 0.15,
        *,
        columns: Sequence[int] | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not 0 <= drop < 1:
            raise ValueError(f"drop: expected a probability in [0, 1), got {drop}")
        self.drop = drop
        self.columns = None if columns is None else tuple(columns)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(
        self,
        inputs: Sequence[KerasTensor],
        column: KerasTensor | None = None,
        training: bool = False,
    ) -> KerasTensor:
        count = self._count(inputs)
        if not training:
            return sum(inputs[1:], inputs[0]) * (1 / count)
        batch = ops.shape(inputs[0])[0]
        alive = keras.random.uniform((batch, count), seed=self.seed_generator) >= self.drop
        last = keras.random.randint((batch,), 0, count, seed=self.seed_generator)
        alive = _or_where_empty(alive, ops.one_hot(last, count, dtype="bool"))
        if column is not None:
            columns = ops.convert_to_tensor(self.columns or tuple(range(count)), dtype="int32")
            column = ops.expand_dims(column, 1)
            chosen = _or_where_empty(ops.equal(column, columns), ops.ones_like(alive))
            alive = ops.where(ops.greater_equal(column, 0), chosen, alive)
        weight = ops.cast(alive, inputs[0].dtype)
        weight = weight / ops.sum(weight, axis=1, keepdims=True)
        weight = ops.reshape(weight, (-1, count, *[1] * (len(inputs[0].shape) - 1)))
        parts = [x * weight[:, i] for i, x in enumerate(inputs)]
        return sum(parts[1:], parts[0])

    def _count(self, inputs):
        if not isinstance(inputs, (list, tuple)) or not inputs:
            raise ValueError(f"FractalJoin: expected a list of tensors, got {inputs}")
        if self.columns is not None and len(self.columns) != len(inputs):
            raise ValueError(
                f"columns: expected one number for each of the {len(inputs)} inputs, "
                f"got {self.columns}"
            )
        return len(inputs)

    def compute_output_shape(
        self, inputs_shape: Sequence[Shape], column_shape: Shape | None = None
    ) -> Shape:
        return tuple(inputs_shape[0])

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "drop": self.drop,
            "columns": self.columns,
            "seed": self.seed,
        }


def _or_where_empty(alive, otherwise):
    """Rows of `alive`, (batch, n) of booleans; a row without any True is that of `otherwise`."""
    return ops.where(ops.any(alive, axis=1, keepdims=True), alive, otherwise)

"""Unshared convolution: every position has a kernel of its own (locally connected layers)."""

import math

import keras
from keras import KerasTensor, ops

from kerascnn.layers.geometry import Shape, image_shape, windows
from kerascnn.layers.kernel_layer import KernelLayer


class _UnsharedConv(KernelLayer):
    def build(self, input_shape: Shape) -> None:
        sizes, channels = image_shape(input_shape, self.rank)
        if None in sizes:
            raise ValueError(
                f"{type(self).__name__}: expected known sizes, for each position has its own "
                f"kernel, got {tuple(input_shape)}"
            )
        positions = self.output_sizes(sizes)
        self.kernel = self.add_weight(
            shape=(*positions, *self.kernel_size, channels, self.filters),
            initializer=self._initial_kernel,
            name="kernel",
        )
        self.bias = self.add_bias((*positions, self.filters))

    def _initial_kernel(self, shape, dtype=None):
        # An initializer must see the fan-in of one kernel, not the positions as if they were
        # inputs: the kernels of all positions are drawn as the filters of one.
        positions, kernel = shape[: self.rank], shape[self.rank : -1]
        drawn = self.kernel_initializer((*kernel, math.prod(positions) * shape[-1]), dtype=dtype)
        return ops.reshape(drawn, shape)

    def call(self, inputs: KerasTensor) -> KerasTensor:
        parts = windows(inputs, self.kernel_size, self.strides, self.padding)
        taps = len(parts) * inputs.shape[-1]
        positions = self.kernel.shape[: self.rank]
        # One product of matrices for each position: (batch, taps) (taps, filters).
        x = ops.reshape(ops.concatenate(parts, axis=-1), (-1, math.prod(positions), taps))
        kernel = ops.reshape(self.kernel, (math.prod(positions), taps, self.filters))
        x = ops.transpose(ops.matmul(ops.transpose(x, (1, 0, 2)), kernel), (1, 0, 2))
        x = ops.reshape(x, (-1, *positions, self.filters))
        return x if self.bias is None else x + self.bias


@keras.saving.register_keras_serializable(package="kerascnn")
class UnsharedConv1D(_UnsharedConv):
    """Convolution in time whose kernel is another one at every position.

        y[t, f] = bias[t, f] + sum over i, c of kernel[t, i, c, f] * x[t * strides + i, c]

    Shapes: (batch, T, C) -> (batch, T', filters), T' as for keras.layers.Conv1D. Weights: kernel
    (T', kernel_size, C, filters), bias (T', filters); T' times those of a convolution, for the
    same number of multiply-accumulates. With all kernels equal it is keras.layers.Conv1D.

    Args: as of `KernelLayer`. Initializers see the fan-in of one position, kernel_size * C.

    Raises:
        ValueError: a size that is None; each position needs its weights.

    Source: LeCun, "Generalization and Network Design Strategies", Univ. of Toronto CRG-TR-89-4;
    Taigman, Yang, Ranzato & Wolf, "DeepFace", CVPR 2014, section 3 (layers L4 to L6).
    """

    rank = 1


@keras.saving.register_keras_serializable(package="kerascnn")
class UnsharedConv2D(_UnsharedConv):
    """Convolution over images whose kernel is another one at every position.

        y[h, w, f] = bias[h, w, f] + sum over i, j, c of
                     kernel[h, w, i, j, c, f] * x[h * strides + i, w * strides + j, c]

    Shapes: (batch, H, W, C) -> (batch, H', W', filters), as for keras.layers.Conv2D. Weights:
    kernel (H', W', *kernel_size, C, filters), bias (H', W', filters).

    Arguments, errors and source: see `UnsharedConv1D`.
    """

    rank = 2

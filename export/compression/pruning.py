"""Magnitude pruning for Keras 3: Zhu & Gupta, "To prune, or not to prune", arXiv:1710.01878.

Unstructured zeros shrink the gzipped file. They change neither the size on flash nor the latency
of a dense kernel; what makes a network faster is the removal of whole channels.
"""

import fnmatch

import keras
import numpy as np
from keras import layers, ops

PRUNABLE = (
    layers.Conv1D, layers.Conv2D, layers.Conv3D, layers.Conv1DTranspose, layers.Conv2DTranspose,
    layers.Conv3DTranspose, layers.Dense,
)  # fmt: skip


class Mask(keras.constraints.Constraint):
    """A constraint that holds chosen weights at zero after every step of the optimizer."""

    def __init__(self, keep):
        self.keep = keras.Variable(keep.astype("float32"), trainable=False, name="mask")

    def __call__(self, weight):
        return weight * ops.cast(self.keep, weight.dtype)


def prunable_kernels(model, exclude=()):
    """Returns layer name -> kernel variable of what pruning acts on.

    Convolutions and Dense layers; not depthwise ones, whose few weights each filter a channel of
    its own. exclude: shell patterns of layer names.
    """
    return {
        layer.name: layer._kernel if hasattr(layer, "_kernel") else layer.kernel
        for layer in model.layers
        if isinstance(layer, PRUNABLE)
        and not isinstance(layer, layers.DepthwiseConv1D | layers.DepthwiseConv2D)
        and not any(fnmatch.fnmatch(layer.name, pattern) for pattern in exclude)
    }


def keep_zeros(model):
    """Makes every prunable weight that is zero stay zero in the training that follows."""
    for kernel in prunable_kernels(model).values():
        kernel.constraint = Mask(np.asarray(ops.convert_to_numpy(kernel)) != 0)


def polynomial_sparsity(progress, target, begin, end):
    """The sparsity at `progress` (0..1 of training): 0 at begin, `target` from end on (eq. 1)."""
    if progress < begin:
        return 0.0
    left = 1 - min(1.0, (progress - begin) / (end - begin))
    return target * (1 - left**3)


class MagnitudePruning(keras.callbacks.Callback):
    """Zeroes the smallest weights of each kernel, more and more of them.

    Args:
        model: what will be trained; its kernels get a `Mask`. Make this before the first step.
        target: the share of zeros in each kernel at the end.
        steps: optimizer steps of the whole training.
        begin, end: where in the training, 0..1, the sparsity starts to rise and reaches its target.
        exclude: shell patterns of layer names.
    """

    UPDATES = 50  # masks are chosen anew this often between begin and end

    def __init__(self, model, target, steps, *, begin=0.0, end=0.7, exclude=()):
        super().__init__()
        self.kernels = prunable_kernels(model, exclude)
        for kernel in self.kernels.values():
            kernel.constraint = Mask(np.ones(kernel.shape))
        self.target, self.steps, self.begin, self.end = target, steps, begin, end
        self.every = max(1, round(steps * (end - begin) / self.UPDATES))

    def on_train_begin(self, logs=None):
        self.step = int(self.model.optimizer.iterations)
        self._choose()

    def on_train_batch_end(self, batch, logs=None):
        self.step += 1
        if self.step % self.every == 0 or self.step == self.steps:
            self._choose()

    def _choose(self):
        progress = self.step / self.steps
        sparsity = polynomial_sparsity(progress, self.target, self.begin, self.end)
        for kernel in self.kernels.values():
            weights = ops.convert_to_numpy(kernel)
            keep = largest(np.abs(weights), 1 - sparsity)
            kernel.constraint.keep.assign(keep)
            kernel.assign(weights * keep)


def largest(magnitudes, share):
    """A 0/1 mask of the `share` of entries that are largest."""
    drop = magnitudes.size - round(share * magnitudes.size)
    mask = np.ones(magnitudes.size, "float32")
    mask[np.argsort(magnitudes, axis=None, kind="stable")[:drop]] = 0
    return mask.reshape(magnitudes.shape)


def sparsity(model):
    """The share of zeros among the prunable weights of a model."""
    kernels = [ops.convert_to_numpy(k) for k in prunable_kernels(model).values()]
    return sum(int((k == 0).sum()) for k in kernels) / max(1, sum(k.size for k in kernels))

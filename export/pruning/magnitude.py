"""Magnitude pruning for Keras 3: Zhu & Gupta, "To prune, or not to prune", arXiv:1710.01878.

Zeros shrink the gzipped file. They change neither the size on flash nor the latency of a dense
kernel; what makes a network faster there is the removal of whole channels.

The pattern 2:4 is what sparse hardware computes twice as fast: in every four weights in a row two
are zero (Mishra et al., "Accelerating Sparse Deep Neural Networks", arXiv:2104.08378). A row runs
along the input channels, for each output channel and each place of the filter: these are the
products that one output sums up, and they lie beside each other in a TFLite file, whose kernels
are (output, height, width, input). tfmot takes the same rows.
"""

import fnmatch

import keras
import numpy as np
from keras import layers, ops

from kerascnn.errors import UserError, unknown

TRANSPOSED = (layers.Conv1DTranspose, layers.Conv2DTranspose, layers.Conv3DTranspose)
PRUNABLE = (layers.Conv1D, layers.Conv2D, layers.Conv3D, *TRANSPOSED, layers.Dense)
SCHEDULES = ("polynomial", "constant")
PATTERNS = ("unstructured", "2:4")


class Mask(keras.constraints.Constraint):
    """A constraint that holds chosen weights at zero after every step of the optimizer."""

    def __init__(self, keep):
        self.keep = keras.Variable(keep.astype("float32"), trainable=False, name="mask")

    def __call__(self, weight):
        return weight * ops.cast(self.keep, weight.dtype)


def prunable(model, exclude=()):
    """Returns the layers of a model that pruning acts on, those of nested models too.

    Convolutions and Dense layers; not depthwise ones, whose few weights each filter a channel of
    its own. exclude: shell patterns of layer names.
    """
    found = []
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            found += prunable(layer, exclude)
        elif isinstance(layer, PRUNABLE) and not any(
            fnmatch.fnmatch(layer.name, pattern) for pattern in exclude
        ):
            found.append(layer)
    return found


def kernel(layer):
    """The variable that holds a layer's kernel; of one that trains for int8, not its rounding."""
    return layer._kernel if hasattr(layer, "_kernel") else layer.kernel


def prunable_kernels(model, exclude=()):
    """Returns layer name -> kernel variable of the `prunable` layers of a model."""
    return {layer.name: kernel(layer) for layer in prunable(model, exclude)}


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
        target: the share of zeros in each kernel at the end; 0.5 for the pattern "2:4".
        steps: optimizer steps of the whole training.
        begin, end: where in the training, 0..1, the sparsity starts to rise and reaches its target.
        schedule: "polynomial", or "constant": the whole target from `begin` on.
        pattern: "unstructured", or "2:4" (see `two_of_four`).
        exclude: shell patterns of layer names.

    Raises:
        UserError: an unknown schedule or pattern, or Keras on JAX.
    """

    UPDATES = 50  # masks are chosen anew this often between begin and end

    def __init__(self, model, target, steps, *, begin=0.0, end=0.7, schedule="polynomial",
                 pattern="unstructured", exclude=()):  # fmt: skip
        super().__init__()
        if schedule not in SCHEDULES:
            raise unknown("schedule", schedule, SCHEDULES)
        if pattern not in PATTERNS:
            raise unknown("pattern", pattern, PATTERNS)
        if keras.backend.backend() == "jax":
            raise UserError(
                "pruning: expected Keras on TensorFlow or torch, got jax, whose compiled step "
                "keeps the masks it began with; set KERAS_BACKEND=tensorflow"
            )
        self.layers = prunable(model, exclude)
        for layer in self.layers:
            kernel(layer).constraint = Mask(np.ones(kernel(layer).shape))
        self.target, self.steps, self.begin, self.end = target, steps, begin, end
        self.constant, self.in_fours = schedule == "constant", pattern == "2:4"
        self.every = 1 if self.constant else max(1, round(steps * (end - begin) / self.UPDATES))

    def on_train_begin(self, logs=None):
        self.step, self.reached = int(self.model.optimizer.iterations), None
        latest = self.step - self.step % self.every
        if any((ops.convert_to_numpy(kernel(k).constraint.keep) == 0).any() for k in self.layers):
            self.reached = self._sparsity(latest)  # a training that goes on brings its masks
        else:
            self._choose(latest)

    def on_train_batch_end(self, batch, logs=None):
        self.step += 1
        if self.step % self.every == 0 or self.step == self.steps:
            self._choose(self.step)

    def _sparsity(self, step):
        progress = step / self.steps
        if self.constant:
            return self.target if progress >= self.begin else 0.0
        return polynomial_sparsity(progress, self.target, self.begin, self.end)

    def _choose(self, step):
        sparsity = self._sparsity(step)
        if sparsity == self.reached:
            return
        self.reached = sparsity
        for layer in self.layers:
            variable = kernel(layer)
            weights = ops.convert_to_numpy(variable)
            keep = kept(layer, np.abs(weights), sparsity, in_fours=self.in_fours)
            variable.constraint.keep.assign(keep)
            variable.assign(weights * keep)


def kept(layer, magnitudes, sparsity, *, in_fours=False):
    """The 0/1 mask of the weights of a layer that stay at a sparsity.

    in_fours: zeros are chosen among those that the pattern 2:4 allows, and are all of these at a
    sparsity of 0.5.
    """
    if not in_fours:
        return largest(magnitudes, 1 - sparsity)
    must = two_of_four(magnitudes, -1 if isinstance(layer, TRANSPOSED) else -2)
    dropped = (must == 0).mean() * min(1.0, sparsity / 0.5)
    return largest(np.where(must, np.inf, magnitudes), 1 - dropped)


def two_of_four(magnitudes, axis):
    """A 0/1 mask of the two largest of every four entries in a row along `axis`.

    A row whose length is no multiple of four counts as filled up with zeros, as the hardware
    fills it: of three last entries one is dropped, of two or one none.
    """
    rows = np.moveaxis(magnitudes, axis, -1)
    length = rows.shape[-1]
    filled = np.full((*rows.shape[:-1], -(-length // 4) * 4), -1.0)  # below every magnitude
    filled[..., :length] = rows
    fours = filled.reshape(-1, 4)
    mask = np.ones(fours.shape, "float32")
    np.put_along_axis(mask, np.argsort(fours, axis=1, kind="stable")[:, :2], 0, axis=1)
    return np.moveaxis(mask.reshape(filled.shape)[..., :length], -1, axis)


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

"""Weights of a cluster that stay equal."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from kerascnn.models.graph import kernel_variable

from .kernels import Held, forget_step, own_constraint, prunable

MOST = 256  # values that a kernel of shared weights has: codes of 8 bits


class Sharing(Held):
    """A constraint that holds the weights of a cluster equal after every step of the optimizer.

    The step has moved each weight by its own gradient. The cluster moves by the mean of these: of
    all kernels whose weights are shared so, that is the one nearest to what the step made. A rate
    that suits the model suits it with shared weights, whatever the optimizer. The value zero of a
    pruned kernel stays zero.

    Args:
        values: (k,) the shared values. codes: for each weight the number of its value.
        summed: the cluster moves by the sum instead, the step along the gradient of the shared
            value (Han et al., arXiv:1510.00149, section 3.3): exact for SGD, with or without
            momentum, at rates that are smaller by as much as clusters are large.
        own: see `Held`.
    """

    def __init__(
        self,
        values: np.ndarray,
        codes: np.ndarray,
        own: Callable[..., Any] | None = None,
        *,
        summed: bool = False,
    ) -> None:
        super().__init__(own)
        codes = codes.reshape(-1)
        self.codes = keras.Variable(codes, trainable=False, dtype="int32", name="codes")
        self.count = len(values)
        self.members = np.bincount(codes, minlength=self.count).astype("float32")
        self.first = np.unique(codes, return_index=True)[1].astype("int32")
        self.moves = np.asarray(values != 0, "float32")
        self.values = None
        if summed:
            self.values = keras.Variable(values, trainable=False, name="shared_values")

    def __call__(self, weight):
        shape, dtype = weight.shape, weight.dtype
        weight = ops.cast(weight, "float32")
        if self.values is not None:
            moved = self._sums(ops.reshape(weight, (-1,)) - self._spread(self.values))
            weight = ops.reshape(self._spread(self.values + moved), shape)
        if self.own is not None:
            weight = self.own(weight)
        flat = ops.reshape(weight, (-1,))
        # The mean by way of one of each cluster: sums of millions of like numbers would be inexact.
        start = ops.take(flat, self.first)
        mean = (start + self._sums(flat - self._spread(start)) / self.members) * self.moves
        if self.values is not None:
            self.values.assign(mean)
        return ops.cast(ops.reshape(self._spread(mean), shape), dtype)

    def _sums(self, flat):
        return ops.segment_sum(flat, self.codes, num_segments=self.count)

    def _spread(self, values):
        return ops.take(values, self.codes)


def keep_values(model: keras.Model) -> None:
    """Makes the weights of a kernel that are equal stay equal in training, where `cluster` made
    them so. In place.

    A kernel counts as clustered if it has 256 values at most, two of them not zero at least, and
    each twice on average: what training made alone does not repeat itself.
    """
    for layer in prunable(model):
        variable = kernel_variable(layer)
        weights = ops.convert_to_numpy(variable)
        values, codes = np.unique(weights, return_inverse=True)
        clustered = np.count_nonzero(values) > 1 and len(values) <= min(MOST, weights.size / 2)
        if clustered and not isinstance(variable.constraint, Sharing):
            variable.constraint = Sharing(values, codes, own_constraint(variable))
    forget_step(model)

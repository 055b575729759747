"""Zeros that stay zeros."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from kerascnn.models.graph import kernel_variable

from .kernels import Held, forget_step, own_constraint, prunable, zeros_of
from .values import Sharing


class Mask(Held):
    """A constraint that holds chosen weights at zero after every step of the optimizer.

    keep: 1 for each weight that is trained, 0 for each that stays zero.
    """

    def __init__(self, keep: np.ndarray, own: Callable[..., Any] | None = None) -> None:
        super().__init__(own)
        self.keep = keras.Variable(keep.astype("float32"), trainable=False, name="mask")

    def __call__(self, weight):
        weight = weight if self.own is None else self.own(weight)
        return weight * ops.cast(self.keep, weight.dtype)


def keep_zeros(model: keras.Model) -> None:
    """Makes every weight of a convolution or dense layer that is zero stay zero in training.

    In place: for a pruned model that was loaded, before it is fitted on. A file does not hold what
    stays zero, only the zeros. A kernel that is zero altogether, as an initializer may leave it, is
    trained. A constraint of your own on the kernel still acts, first.
    """
    for layer in prunable(model):
        variable = kernel_variable(layer)
        zero = zeros_of(ops.convert_to_numpy(variable))
        if zero.any() and not isinstance(variable.constraint, Sharing):  # which keeps them as well
            variable.constraint = Mask(~zero, own_constraint(variable))
    forget_step(model)

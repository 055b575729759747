"""The kernels that pruning and clustering act on, and the constraints that hold them."""

import fnmatch
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from kerascnn.errors import UserError, unknown
from kerascnn.models.graph import all_layers, kernel_variable

TRANSPOSED = (layers.Conv1DTranspose, layers.Conv2DTranspose, layers.Conv3DTranspose)
PRUNABLE = (layers.Conv1D, layers.Conv2D, layers.Conv3D, *TRANSPOSED, layers.Dense)


class Held(keras.constraints.Constraint):
    """A constraint of ours on a kernel, behind the one that its owner gave it.

    own: that constraint, which acts first, or None.
    """

    def __init__(self, own: Callable[..., Any] | None = None) -> None:
        self.own = own


def own_constraint(variable: keras.Variable) -> Any:
    """The constraint that the owner of a model gave a kernel; None where there is none."""
    found = variable.constraint
    return found.own if isinstance(found, Held) else found


def prunable(model: keras.Layer, exclude: Sequence[str] = ()) -> list[keras.Layer]:
    """The layers of a model that pruning and clustering act on, at any depth.

    Convolutions and Dense layers, those inside nested models and inside layers of somebody's own
    too; not depthwise ones, whose few weights each filter a channel of its own.

    exclude: shell patterns of layer names.
    """
    return [
        layer
        for layer in all_layers(model)
        if isinstance(layer, PRUNABLE)
        and not any(fnmatch.fnmatch(layer.name, pattern) for pattern in exclude)
    ]


def chosen_layers(model: keras.Layer, exclude: Sequence[str] = ()) -> list[keras.Layer]:
    """The same, where a user asks for it.

    Raises:
        UserError: no such layer, one without weights yet, or a pattern that no layer has.
    """
    everything = prunable(model)
    if not everything:
        raise UserError(f"{model.name}: expected a convolution or a dense layer, it has none")
    for layer in everything:
        if not layer.built:
            raise UserError(
                f"{model.name}: {layer.name} has no weights yet; call the model once on data"
            )
    names = {layer.name for layer in everything}
    for pattern in exclude:
        if not fnmatch.filter(names, pattern):
            raise unknown("layer to exclude", pattern, names)
    return prunable(model, exclude)


def prunable_kernels(model: keras.Layer, exclude: Sequence[str] = ()) -> dict[str, Any]:
    """Layer name -> kernel variable of the `prunable` layers; the path of the variable where
    several layers are called alike."""
    found = prunable(model, exclude)
    count = Counter(layer.name for layer in found)
    return {
        layer.name if count[layer.name] == 1 else kernel_variable(layer).path: kernel_variable(
            layer
        )
        for layer in found
    }


def sparsity(model: keras.Layer) -> float:
    """The share of zeros, 0..1, among the prunable weights of a model."""
    kernels = [ops.convert_to_numpy(kernel_variable(layer)) for layer in prunable(model)]
    return sum(int((k == 0).sum()) for k in kernels) / max(1, sum(k.size for k in kernels))


def zeros_of(weights: np.ndarray) -> np.ndarray:
    """Where a kernel is zero, as booleans: nowhere in one that is zero altogether, which nobody
    pruned but an initializer left so."""
    zero = weights == 0
    return np.zeros_like(zero) if zero.all() else zero


def forget_step(model: keras.Layer) -> None:
    """Has the training step of a model traced anew, with the constraints that it has now."""
    if getattr(model, "train_function", None) is not None:
        model.train_function = None
        model.make_train_function()

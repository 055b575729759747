"""What int8 has a rule for, and what computes in float for want of one."""

from collections.abc import Sequence

import keras
from keras import layers

from kerascnn.errors import UserError
from kerascnn.models.graph import nodes

from ..integer_form.operations import ONE_SCALE, PASS_THROUGH, activation_name, is_excluded
from ..integer_form.rewrite import integer_form
from .fake_quant import FakeQuant
from .quantized_layers import QUANTIZED, QuantizedKernel

REQUANTIZED = (
    layers.Add,
    layers.Subtract,
    layers.Multiply,
    *ONE_SCALE,
    layers.GlobalAveragePooling2D,
)
ACTIVATIONS = (
    layers.ReLU,
    layers.LeakyReLU,
    layers.PReLU,
    layers.ELU,
    layers.Softmax,
    layers.Activation,
)
KNOWN = (
    *QUANTIZED,
    *PASS_THROUGH,
    *REQUANTIZED,
    *ACTIVATIONS,
    layers.BatchNormalization,
    layers.Rescaling,
)
KNOWN_ACTIVATIONS = (
    "relu",
    "relu6",
    "leaky_relu",
    "elu",
    "sigmoid",
    "tanh",
    "hard_silu",
    "softmax",
    "linear",
    "gelu",
    "exponential",
    "log",
    "magnitude",
    "saturating",
)
INTERPOLATIONS = ("nearest", "bilinear")


def reason_against(layer: keras.Operation) -> str | None:
    """Why int8 has no rule for a layer, in words; None where it has one."""
    kind, activation = type(layer).__name__, activation_name(layer)
    if not isinstance(layer, KNOWN):
        return f"a {kind} layer"
    if activation is not None and activation not in KNOWN_ACTIVATIONS:
        return f"the activation {activation}"
    if isinstance(layer, layers.Resizing) and layer.interpolation not in INTERPOLATIONS:
        return f"{layer.interpolation} interpolation"
    return None


def refuse_unknown(layer: keras.Operation) -> None:
    """UserError where int8 has no rule for a layer."""
    if reason := reason_against(layer):
        raise UserError(
            f"{layer.name}: int8 has no rule for {reason}; leave it float: exclude {layer.name!r}"
        )


def without_rule(
    model: keras.Model, *, exclude: Sequence[str] = (), pixels: Sequence[bool] | None = None
) -> dict[str, str]:
    """name -> reason of the layers that int8 has no rule for, besides those of `exclude`."""
    flat = integer_form(model, exclude=exclude, folds_itself=True, pixels=pixels)
    found = {}
    for node in nodes(flat):
        reason = reason_against(node.operation)
        if reason and not is_excluded(node.operation, exclude):
            found[node.operation.name] = reason
    return found


def float_islands(model: keras.Model) -> list[str]:
    """The names of the layers that compute in float inside a simulation of int8."""
    found = []
    for node in nodes(model):
        layer = node.operation
        if isinstance(layer, QuantizedKernel):
            is_float = not layer.rounds
        else:
            is_float = not isinstance(layer, FakeQuant) and reason_against(layer) is not None
        if is_float and layer.name not in found:
            found.append(layer.name)
    return found

"""Operations that compute scale x + offset, in whatever words a model says it."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import layers, ops

# scale and offset of `x ? c` (first) or `c ? x`; None where that is not linear in x.
OPERATORS = {
    "Add": lambda c, first: (1.0, c),
    "Subtract": lambda c, first: (1.0, -c) if first else (-1.0, c),
    "Multiply": lambda c, first: (c, 0.0),
    "TrueDivide": lambda c, first: (1 / c, 0.0) if first else None,
    "Divide": lambda c, first: (1 / c, 0.0) if first else None,
}


def scale_and_offset(
    operation: keras.Operation, constant: Any = None, *, tensor_first: bool = True
) -> tuple[Any, ...] | None:
    """What an operation multiplies by and adds.

    Args:
        operation: a Rescaling or Normalization layer, or an operator as in `x - 1`.
        constant: the operator's operand that is no tensor. tensor_first: whether it comes second.

    Returns:
        (scale, offset), each a number or a list with one a channel; None for other operations.
    """
    if isinstance(operation, layers.Rescaling):
        pair = operation.scale, operation.offset
    elif isinstance(operation, layers.Normalization):
        mean, variance = (ops.convert_to_numpy(v) for v in (operation.mean, operation.variance))
        scale = 1 / np.maximum(np.sqrt(variance), keras.config.epsilon())
        pair = scale, -mean * scale
    elif constant is not None and type(operation).__name__ in OPERATORS:
        pair = OPERATORS[type(operation).__name__](np.asarray(constant, "float32"), tensor_first)
    else:
        pair = None
    if pair is None or any(np.size(v) not in (1, np.shape(v)[-1]) for v in pair if np.ndim(v)):
        return None
    numbers = (np.ravel(v).tolist() for v in pair)
    return tuple(v[0] if len(v) == 1 else v for v in numbers)


def tensor_and_constant(args: Sequence[Any], kind: type) -> tuple[Any, Any, bool]:
    """Of the two operands of an operator: (tensor of class `kind`, constant, tensor first).

    (None, None, True) where there are not one of each.
    """
    if len(args) == 2 and isinstance(args[0], kind) != isinstance(args[1], kind):
        first = isinstance(args[0], kind)
        return (*(args if first else reversed(args)), first)
    return None, None, True

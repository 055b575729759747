"""keras.ops written as the layers that say the same: graph tools then meet one word for each.

A block that somebody wrote with `keras.ops.relu(x)`, `x + y` or `ops.mean(x, axis=(1, 2))` becomes
the graph that `ReLU`, `Add` and `GlobalAveragePooling2D` would have made.
"""

import keras
from keras import KerasTensor, layers

# name of an operation -> the activation it is
ACTIVATIONS = {
    "Celu": "celu",
    "Elu": "elu",
    "HardSigmoid": "hard_sigmoid",
    "HardSilu": "hard_silu",
    "HardTanh": "hard_tanh",
    "LogSigmoid": "log_sigmoid",
    "LogSoftmax": "log_softmax",
    "Mish": "mish",
    "Selu": "selu",
    "Sigmoid": "sigmoid",
    "Silu": "silu",
    "SoftSign": "softsign",
    "Softplus": "softplus",
    "Softsign": "softsign",
    "Tanh": "tanh",
}
MERGES = {
    "Add": layers.Add,
    "Maximum": layers.Maximum,
    "Minimum": layers.Minimum,
    "Multiply": layers.Multiply,
    "Subtract": layers.Subtract,
}


def as_layer(
    operation: keras.Operation, args: tuple, kwargs: dict, name: str
) -> KerasTensor | None:
    """The layer that an operation of keras.ops is, called on the same tensors.

    Args:
        operation: the operation of a node; its own arguments are among its attributes.
        args, kwargs: what the node was called with, Keras tensors.
        name: for the layer.

    Returns:
        The outputs; None where no layer says the same.
    """
    kind = type(operation).__name__
    tensors = [x for x in keras.tree.flatten((args, kwargs)) if keras.utils.is_keras_tensor(x)]
    if kind in MERGES and len(args) == 2 and len(tensors) == 2:
        alike = tensors[0].shape == tensors[1].shape or kind in ("Add", "Multiply")
        return MERGES[kind](name=name)(tensors) if alike else None
    if kind == "Concatenate":
        return layers.Concatenate(operation.axis, name=name)(tensors)
    if len(tensors) != 1:
        return None
    (x,) = tensors
    if kind in ACTIVATIONS and _has_defaults(operation):
        return layers.Activation(ACTIVATIONS[kind], name=name)(x)
    rule = RULES.get(kind)
    return rule(operation, x, name) if rule else None


def _has_defaults(operation):
    """Whether an activation has no setting of its own that is not the usual one."""
    return getattr(operation, "alpha", 1.0) == 1.0


def _reshape(operation, x, name):
    shape = tuple(operation.newshape)
    if shape[0] not in (-1, None, x.shape[0]) or None in shape[1:]:
        return None
    if shape[0] == -1 and -1 in shape[1:]:
        return None
    return layers.Reshape(shape[1:], name=name)(x)


def _transpose(operation, x, name):
    axes = operation.axes
    if axes is None or axes[0] != 0:
        return None
    return layers.Permute(tuple(axes[1:]), name=name)(x)


def _pooled(kind):
    def rule(operation: keras.Operation, x: KerasTensor, name: str) -> keras.KerasTensor | None:
        axes, rank = operation.axis, len(x.shape)
        axes = (axes,) if isinstance(axes, int) else axes
        if axes is None or sorted(a % rank for a in axes) != list(range(1, rank - 1)):
            return None
        layer = getattr(layers, f"Global{kind}Pooling{rank - 2}D", None)
        return layer and layer(keepdims=operation.keepdims, name=name)(x)

    return rule


def _squeeze(operation, x, name):
    if None in x.shape[1:] or operation.axis in (0, None):
        return None
    axes = operation.axis if isinstance(operation.axis, (tuple, list)) else [operation.axis]
    gone = {a % len(x.shape) for a in axes}
    return layers.Reshape([n for i, n in enumerate(x.shape) if i and i not in gone], name=name)(x)


def _expand_dims(operation, x, name):
    axis = operation.axis
    if not isinstance(axis, int) or None in x.shape[1:]:
        return None
    axis %= len(x.shape) + 1
    shape = list(x.shape)
    shape.insert(axis, 1)
    return layers.Reshape(shape[1:], name=name)(x) if axis else None


def _clip(operation, x, name):
    low, high = operation.x_min, operation.x_max
    return layers.ReLU(float(high), name=name)(x) if low == 0 and high > 0 else None


def _pad(operation, x, name):
    width = [(p, p) if isinstance(p, int) else tuple(p) for p in operation.pad_width]
    zeros = operation.mode == "constant" and not getattr(operation, "constant_values", 0)
    edges = len(width) == 4 and width[0] == width[3] == (0, 0)
    return layers.ZeroPadding2D(tuple(width[1:3]), name=name)(x) if zeros and edges else None


RULES = {
    "Relu": lambda operation, x, name: layers.ReLU(name=name)(x),
    "Relu6": lambda operation, x, name: layers.ReLU(6.0, name=name)(x),
    "LeakyRelu": lambda operation, x, name: layers.LeakyReLU(operation.negative_slope, name=name)(
        x
    ),
    "Elu": lambda operation, x, name: layers.ELU(operation.alpha, name=name)(x),
    "Gelu": lambda operation, x, name: (
        layers.Activation("gelu", name=name)(x) if operation.approximate is False else None
    ),
    "Softmax": lambda operation, x, name: layers.Softmax(operation.axis, name=name)(x),
    "Reshape": _reshape,
    "Transpose": _transpose,
    "Mean": _pooled("Average"),
    "Max": _pooled("Max"),
    "Squeeze": _squeeze,
    "ExpandDims": _expand_dims,
    "Clip": _clip,
    "Pad": _pad,
    "Negative": lambda operation, x, name: layers.Rescaling(-1.0, name=name)(x),
}

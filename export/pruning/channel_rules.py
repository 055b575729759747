"""What each kind of layer does with channels: one rule a kind, for `channel_groups`.

A rule is called with the labels so far, the layer, the labels of its inputs and its node. It
returns the labels of the output, a list of them for several outputs, or None where it does not
fit: then everything that meets the layer is locked.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from keras import activations, layers

from kerascnn import layers as ours
from kerascnn.models.graph import Node

Channels = np.ndarray | list[np.ndarray] | None  # the labels of what a rule gives


class Labels(Protocol):
    """The labels so far, and the groups that they form."""

    whole: Collection[str]
    weights: dict[str, tuple["Weight", ...]]

    def fresh(self, count: int, producer: Any) -> np.ndarray:
        """New labels for the `count` channels that a layer makes."""
        ...

    def lock(self, labels: np.ndarray) -> None:
        """Keeps these channels."""
        ...

    def join(self, first: np.ndarray, second: np.ndarray) -> None:
        """Puts channel i of both into one group."""
        ...

    def join_rows(self, table: Sequence[np.ndarray] | np.ndarray) -> None:
        """Puts the channels of each row of a table into one group."""
        ...


@dataclass(frozen=True)
class Weight:
    """How one weight of a layer meets channels: (axis, group of each entry along it), or None.

    rows: the axis along which it takes the layer's input. columns: along which it makes the
    output.
    """

    rows: tuple[int, np.ndarray] | None
    columns: tuple[int, np.ndarray] | None

    @property
    def axes(self) -> list[tuple[int, np.ndarray]]:
        return [axis for axis in (self.rows, self.columns) if axis]


def dense(labels: Labels, layer: Any, inputs: list[np.ndarray], node: Node) -> Channels:
    return _kernel(labels, layer, inputs[0], node, rows=-2, columns=-1)


def transposed(labels: Labels, layer: Any, inputs: list[np.ndarray], node: Node) -> Channels:
    return _kernel(labels, layer, inputs[0], node, rows=-1, columns=-2)


def convolution(labels: Labels, layer: Any, inputs: list[np.ndarray], node: Node) -> Channels:
    (x,) = inputs
    if layer.groups == 1:
        return _kernel(labels, layer, x, node, rows=-2, columns=-1)
    whole = layer.name in labels.whole
    seen = None if whole else x[: len(x) // layer.groups]
    out = _kernel(labels, layer, seen, node, rows=-2, columns=-1)
    if out is not None:
        tables = [part.reshape(layer.groups, -1) for part in (x, out)]
        for table in [np.concatenate(tables, axis=1).T] if whole else tables:
            labels.join_rows(table)
    return out


def _kernel(labels, layer, x, node, *, rows, columns):
    """A kernel with these axes, and a bias; an unusual set of weights (LoRA) has no rule."""
    if len(layer.weights) != 1 + layer.use_bias:
        return None
    out = labels.fresh(node.outputs[0].shape[-1], layer)
    if not is_elementwise(layer.activation):
        labels.lock(out)
    kernel = Weight(None if x is None else (rows, x), (columns, out))
    labels.weights[layer.name] = (kernel, Weight(None, (0, out)))[: len(layer.weights)]
    return out


def depthwise(labels: Labels, layer: Any, inputs: list[np.ndarray], node: Node) -> Channels:
    (x,) = inputs
    if len(layer.weights) != 1 + layer.use_bias or not is_elementwise(layer.activation):
        return None
    out = np.repeat(x, layer.depth_multiplier)
    weights = Weight(None, (-2, x)), Weight(None, (0, out))
    labels.weights[layer.name] = weights[: len(layer.weights)]
    return out


def separable(labels: Labels, layer: Any, inputs: list[np.ndarray], node: Node) -> Channels:
    (x,) = inputs
    if len(layer.weights) != 2 + layer.use_bias:
        return None
    out = labels.fresh(layer.filters, layer)
    if not is_elementwise(layer.activation):
        labels.lock(out)
    between = np.repeat(x, layer.depth_multiplier)
    weights = Weight(None, (-2, x)), Weight((-2, between), (-1, out)), Weight(None, (0, out))
    labels.weights[layer.name] = weights[: len(layer.weights)]
    return out


def per_channel(labels: Labels, layer: Any, inputs: list[np.ndarray], node: Node) -> Channels:
    """Weights whose last axis runs along the channels of the input."""
    (x,) = inputs
    if any(w.shape[-1] != len(x) for w in layer.weights):
        return None
    labels.weights[layer.name] = (Weight(None, (-1, x)),) * len(layer.weights)
    return x


def normalization(labels: Labels, layer: Any, inputs: list[np.ndarray], node: Node) -> Channels:
    last = len(node.outputs[0].shape) - 1
    return per_channel(labels, layer, inputs, node) if layer.axis in (-1, last) else None


def same(labels: Labels, layer: Any, inputs: list[np.ndarray], node: Node) -> Channels:
    return None if getattr(layer, "noise_shape", None) else inputs[0]


def activation(labels: Labels, layer: Any, inputs: list[np.ndarray], node: Node) -> Channels:
    return inputs[0] if is_elementwise(layer.activation) else None


def rescaling(labels: Labels, layer: Any, inputs: list[np.ndarray], node: Node) -> Channels:
    return None if np.ndim(layer.scale) or np.ndim(layer.offset) else inputs[0]


def permute(labels: Labels, layer: Any, inputs: list[np.ndarray], node: Node) -> Channels:
    return inputs[0] if layer.dims[-1] == len(layer.dims) else None


def reshape(labels: Labels, layer: Any, inputs: list[np.ndarray], node: Node) -> Channels:
    """Keeps the last axis, or lays all positions side by side; the last axis runs fastest."""
    (x,), shape = inputs, node.outputs[0].shape
    if shape[-1] == len(x):
        return x
    flat = len(shape) == 2 and shape[-1] is not None and shape[-1] % len(x) == 0
    return np.tile(x, shape[-1] // len(x)) if flat else None


def merge(labels: Labels, layer: Any, inputs: list[np.ndarray], node: Node) -> Channels:
    """Joins the inputs; one of a single channel is spread over the channels of the others."""
    wide = [x for x in inputs if len(x) == node.outputs[0].shape[-1]]
    if not wide:
        return None
    for x in inputs:
        if len(x) != len(wide[0]):
            labels.lock(x)
    labels.join_rows(wide)
    return wide[0]


def concatenate(labels: Labels, layer: Any, inputs: list[np.ndarray], node: Node) -> Channels:
    if layer.axis in (-1, len(node.outputs[0].shape) - 1):
        return np.concatenate(inputs)
    return merge(labels, layer, inputs, node)


def zero_padding(labels: Labels, layer: Any, inputs: list[np.ndarray], node: Node) -> Channels:
    (x,) = inputs
    return np.concatenate([x, labels.fresh(layer.filters - len(x), layer)])


def split(labels: Labels, layer: Any, inputs: list[np.ndarray], node: Node) -> Channels:
    table = inputs[0].reshape(layer.sections, -1)
    labels.join_rows(table)  # as many of each part
    return list(table)


def shuffle(labels: Labels, layer: Any, inputs: list[np.ndarray], node: Node) -> Channels:
    table = inputs[0].reshape(layer.groups, -1)
    labels.join_rows(table)  # the same of each group: what stays is dealt out as before
    return table.T.reshape(-1)


def is_elementwise(function: Callable[..., Any] | None) -> bool:
    """Whether an activation treats every channel by itself."""
    return function is None or function in ELEMENTWISE


CONVOLUTIONS = (layers.Conv1D, layers.Conv2D, layers.Conv3D)
# fmt: off
ELEMENTWISE = {
    *(getattr(activations, name) for name in (
        "celu", "elu", "exponential", "gelu", "hard_shrink", "hard_sigmoid", "hard_silu",
        "hard_tanh", "leaky_relu", "linear", "log_sigmoid", "mish", "relu", "relu6", "selu",
        "sigmoid", "silu", "soft_shrink", "softplus", "softsign", "sparse_plus", "sparse_sigmoid",
        "squareplus", "tanh", "tanh_shrink", "threshold",
    )),
    ours.scaled_tanh,
}
ELEMENTWISE_OPERATIONS = {  # classes of keras.ops that stand in graphs as `x + y` and the like
    "Abs", "Absolute", "Add", "Clip", "Divide", "Elu", "Exp", "Gelu", "HardSigmoid", "HardSilu",
    "LeakyRelu", "Maximum", "Minimum", "Multiply", "Negative", "Relu", "Relu6", "Sigmoid", "Silu",
    "Softplus", "Sqrt", "Square", "Subtract", "Tanh", "TrueDivide",
}
RULES = {
    **dict.fromkeys(CONVOLUTIONS, convolution),
    **dict.fromkeys((layers.Conv1DTranspose, layers.Conv2DTranspose, layers.Conv3DTranspose),
                    transposed),
    **dict.fromkeys((layers.DepthwiseConv1D, layers.DepthwiseConv2D), depthwise),
    **dict.fromkeys((layers.SeparableConv1D, layers.SeparableConv2D), separable),
    **dict.fromkeys((layers.PReLU, ours.TrainableSubsampling2D), per_channel),
    **dict.fromkeys((layers.Flatten, layers.Reshape), reshape),
    **dict.fromkeys((layers.Add, layers.Subtract, layers.Multiply, layers.Average, layers.Maximum,
                     layers.Minimum, ours.FractalJoin), merge),
    **dict.fromkeys((
        layers.MaxPooling1D, layers.MaxPooling2D, layers.MaxPooling3D, layers.AveragePooling1D,
        layers.AveragePooling2D, layers.AveragePooling3D, layers.GlobalMaxPooling1D,
        layers.GlobalMaxPooling2D, layers.GlobalMaxPooling3D, layers.GlobalAveragePooling1D,
        layers.GlobalAveragePooling2D, layers.GlobalAveragePooling3D, ours.CeilMaxPooling2D,
        layers.ZeroPadding1D, layers.ZeroPadding2D, layers.ZeroPadding3D, layers.Cropping1D,
        layers.Cropping2D, layers.Cropping3D, layers.UpSampling1D, layers.UpSampling2D,
        layers.UpSampling3D, layers.Resizing, layers.Identity, layers.ReLU, layers.LeakyReLU,
        layers.ELU, layers.Dropout, layers.SpatialDropout1D, layers.SpatialDropout2D,
        layers.SpatialDropout3D, layers.GaussianDropout, layers.GaussianNoise,
        ours.StochasticDepth,
    ), same),
    layers.Dense: dense,
    layers.BatchNormalization: normalization,
    layers.Activation: activation,
    layers.Rescaling: rescaling,
    layers.Permute: permute,
    layers.Concatenate: concatenate,
    ours.ChannelZeroPadding: zero_padding,
    ours.ChannelSplit: split,
    ours.ChannelShuffle: shuffle,
}
# fmt: on

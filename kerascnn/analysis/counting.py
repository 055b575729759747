"""Parameters and multiply-accumulates of a model, from its graph alone: no weights are needed.

MACs are the multiplications of convolutions and dense layers for one image; biases, normalization,
pooling and activations are not counted. FLOPs in other tables are often twice as many.
"""

from dataclasses import dataclass
from math import prod
from typing import Any

import keras
from keras import layers

from kerascnn.analysis.graph import Call, Graph, Tensor, walk
from kerascnn.analysis.kinds import (
    CONVOLUTIONS,
    DEPTHWISE,
    SEPARABLE,
    TRANSPOSED,
    UNMULTIPLIED,
)
from kerascnn.errors import UserError


@dataclass(frozen=True)
class LayerCount:
    """One call of one layer. A shared layer has its parameters on its first call only.

    macs: None for a layer with kernels whose multiplications are not known here.
    """

    name: str
    kind: str
    params: int
    params_total: int
    macs: int | None


@dataclass(frozen=True)
class Count:
    """params: trainable; params_total: with moving statistics and frozen weights; macs: one image.

    uncounted: names of the layers whose multiplications are missing in `macs`; see `layer_macs`.
    """

    params: int
    params_total: int
    macs: int
    uncounted: tuple[str, ...]
    layers: tuple[LayerCount, ...]


def count(model: keras.Model) -> Count:
    """Counts a functional or Sequential model, also one built under `without_weights()`.

    MACs of a layer that is called twice count twice, its parameters once.

    Raises:
        UserError: the model is not a graph, or an image size is left open (None).
    """
    return count_graph(walk(model))


def count_graph(graph: Graph) -> Count:
    """`count` of a `Graph` that is already walked; one `LayerCount` for each of its calls."""
    rows, counted = [], set()
    for call in graph.calls:
        new = [w for w in getattr(call.operation, "weights", ()) if id(w) not in counted]
        counted.update(map(id, new))
        trainable = sum(prod(w.shape) for w in new if w.trainable)
        total = sum(prod(w.shape) for w in new)
        macs = 0 if call.is_input else layer_macs(call)
        rows.append(LayerCount(call.name, type(call.operation).__name__, trainable, total, macs))
    return Count(
        params=sum(row.params for row in rows),
        params_total=sum(row.params_total for row in rows),
        macs=sum(row.macs or 0 for row in rows),
        uncounted=tuple(row.name for row in rows if row.macs is None),
        layers=tuple(rows),
    )


def layer_macs(call: Call) -> int | None:
    """Multiply-accumulates of one call for one image, or None where they are not known.

    A layer of one's own says them in a method `count_macs(input_shape)`, which gets the shape with
    its batch size, None, in front. Layers that only scale (normalizations, PReLU) count 0.
    """
    layer = call.operation
    if hasattr(layer, "count_macs"):
        shapes = [_sized(call, x.shape) for x in call.inputs]
        return int(layer.count_macs(shapes[0] if len(shapes) == 1 else shapes))
    if isinstance(layer, layers.TimeDistributed):
        return _time_distributed(call)
    if isinstance(layer, SEPARABLE):
        channels, _ = _channels_positions(call, call.inputs[0].shape, layer.data_format)
        filters, positions = _channels_positions(call, call.outputs[0].shape, layer.data_format)
        between = channels * layer.depth_multiplier
        return positions * between * (prod(layer.kernel_size) + filters)
    if isinstance(layer, (*CONVOLUTIONS, *DEPTHWISE)):
        # Every output position, padded borders too, multiplies each weight of the kernel once.
        _, positions = _channels_positions(call, call.outputs[0].shape, layer.data_format)
        return positions * prod(layer.kernel.shape)
    if isinstance(layer, TRANSPOSED):
        # Every input position multiplies each weight once; what is cropped later counts too.
        _, positions = _channels_positions(call, call.inputs[0].shape, layer.data_format)
        return positions * prod(layer.kernel.shape)
    if isinstance(layer, layers.Dense):
        return prod(_sized(call, call.inputs[0].shape)[1:]) * layer.units
    kernels = [w for w in getattr(layer, "weights", ()) if len(w.shape) > 1]
    return None if kernels and not isinstance(layer, UNMULTIPLIED) else 0


def _time_distributed(call):
    """The wrapped layer's MACs, once for every step.  (batch, steps, ...)"""
    steps = _sized(call, call.inputs[0].shape)[1] or 0
    inputs, outputs = (
        (Tensor((None, *tensors[0].shape[2:])),) for tensors in (call.inputs, call.outputs)
    )
    macs = layer_macs(Call(call.name, call.operation.layer, inputs, outputs))
    return None if macs is None or steps is None else steps * macs


def _channels_positions(call, shape, data_format):
    """Channels, and how many positions, of (batch, ..., channels) or (batch, channels, ...)."""
    _, *sizes = _sized(call, shape)
    channels = sizes.pop(-1 if data_format == "channels_last" else 0)
    return channels, prod(sizes)


def _sized(call, shape) -> Any:
    if any(size is None for size in shape[1:]):
        raise UserError(
            f"{call.name}: expected a fixed size to count multiplications, got {tuple(shape)}; "
            f"build the model with an input_shape"
        )
    return (None, *shape[1:])

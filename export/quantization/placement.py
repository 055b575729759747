"""Where the int8 kernels of TFLite round, and which of these roundings have one range.

After a convolution with its normalization and ReLU, after Add, Multiply and Concatenate, after an
activation of its own kernel. Nowhere between the parts that one kernel fuses, and nowhere after an
operation that hands on its input's integers (padding, maxima, reshaping).

A concatenation only copies integers, and so does a maximum of two tensors: all they take and what
they give have one range, through operations that hand on integers, down a whole block of DenseNet.
(With ranges of their own, TFLite would rescale integers in between, and XNNPACK does that with a
factor of 8 bits.) Where nothing else takes what a kernel writes into a concatenation, the
simulation rounds behind the concatenation alone.
"""

from collections.abc import Sequence

import keras
import numpy as np
from keras import layers

from kerascnn.errors import UserError

from ..integer_form.graph import Graph
from ..integer_form.operations import (
    FIXED_RANGES,
    ONE_SCALE,
    PASS_THROUGH,
    TRAINING_ONLY,
    activation_name,
    is_excluded,
    saturation,
)

PIXELS = (0.0, 255.0)
WATCHED = "watched"
ABSORBED = "absorbed"
FUSES_RELU = (
    layers.Conv2D,
    layers.DepthwiseConv2D,
    layers.Conv2DTranspose,
    layers.BatchNormalization,
    layers.Dense,
    layers.Add,
    layers.Subtract,
    layers.Multiply,
)


def roundings(model: keras.Model, *, exclude: Sequence[str] = ()) -> dict:
    """Where the int8 kernels of TFLite round, in a model that `integer_form` gave.

    Args:
        model: functional.
        exclude: shell patterns of the names of layers that stay float.

    Returns:
        id of a node -> None, `WATCHED` (a range that follows the data), `ABSORBED` (the same, for
        the converter alone), or (low, high).
    """
    graph = Graph(model)

    def takes_any_scale(x):
        node = graph.producers.get(id(x))
        return (
            node is not None
            and graph.only_consumer(node.outputs[0]) is not None
            and _how(node) == WATCHED
        )

    def fused(node):
        """Whether one kernel computes this node together with the only one that takes it."""
        follower = graph.only_consumer(node.outputs[0], TRAINING_ONLY)
        if follower is None:
            return False
        if isinstance(follower.operation, layers.BatchNormalization):
            return hasattr(node.operation, "kernel")
        if isinstance(follower.operation, ONE_SCALE):
            return all(map(takes_any_scale, follower.input_tensors))
        relu = activation_name(follower.operation) in ("relu", "relu6")
        return (relu or saturation(follower.operation)) and isinstance(node.operation, FUSES_RELU)

    def absorbed(node):
        """Whether the kernel of this node writes with the scale of what takes it."""
        follower = graph.only_consumer(node.outputs[0])
        if follower is None or not isinstance(follower.operation, ONE_SCALE):
            return False
        return not is_excluded(follower.operation, exclude) and _how(node) == WATCHED

    def how(node):
        if fused(node):
            return None
        if is_excluded(node.operation, exclude):
            followers = [x for end in node.outputs for x in graph.consumers.get(id(end), ())]
            floats = followers and all(is_excluded(x.operation, exclude) for x in followers)
            return None if floats or len(node.outputs) > 1 else WATCHED
        return ABSORBED if absorbed(node) else _how(node)

    return {id(node): how(node) for node in graph.nodes}


def shared_ranges(model: keras.Model, rounded: dict, *, exclude: Sequence[str] = ()) -> dict:
    """Which roundings have one range: of all that a kernel of `ONE_SCALE` takes and gives.

    Args:
        model, exclude: as for `roundings`.
        rounded: what that gave.

    Returns:
        id of a node -> (the first node of those that share its range, how many of them round).
        Every node that is rounded by the data has an entry, mostly with itself and 1.
    """
    graph = Graph(model)
    members = {id(node): [node] for node in graph.nodes if rounded[id(node)] in (WATCHED, ABSORBED)}

    def source(x):
        """The node that rounded the integers in x."""
        node = graph.producers.get(id(x))
        while node is not None and _hands_on(node.operation) and rounded[id(node)] is None:
            node = graph.producers.get(id(node.input_tensors[0]))
        return node

    for node in graph.nodes:
        layer = node.operation
        if isinstance(layer, ONE_SCALE) and not is_excluded(layer, exclude):
            for joined in (node, *map(source, node.input_tensors)):
                if id(joined) in members and id(node) in members:
                    together, others = members[id(joined)], members[id(node)]
                    if together is not others:
                        together += others
                        members.update((id(member), together) for member in others)
    counts = {key: sum(rounded[id(x)] == WATCHED for x in group) for key, group in members.items()}
    return {key: (group[0], counts[key]) for key, group in members.items()}


def _hands_on(layer):
    """Whether a layer gives out the integers that it takes, or averages of them."""
    return isinstance(layer, PASS_THROUGH) or activation_name(layer) == "linear"


def _how(node):
    """How a node is rounded where nothing is fused."""
    name = activation_name(node.operation)
    if limits := saturation(node.operation):
        return limits
    if isinstance(node.operation, layers.Rescaling):
        return _range_of_pixels(node.operation)
    if _hands_on(node.operation):
        return None
    return FIXED_RANGES.get(name or "", WATCHED)


def _range_of_pixels(rescaling):
    """Normalized pixels are rounded at the 256 values they can take."""
    if np.size(rescaling.scale) > 1 or np.size(rescaling.offset) > 1:
        raise UserError(
            f"{rescaling.name}: int8 has no kernel that takes off a mean of its own from each "
            "pixel; a float recipe converts it, and data.normalize=from_data trains one that int8 "
            "takes"
        )
    scale, offset = (np.asarray(v).item() for v in (rescaling.scale, rescaling.offset))
    ends = [v * scale + offset for v in PIXELS]
    return min(ends), max(ends)

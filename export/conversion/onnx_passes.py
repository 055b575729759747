"""What the public converter leaves to be mended in an ONNX graph."""

import numpy as np
from onnx import ModelProto, helper

from .onnx_graph import Graph, attribute, shapes_of
from .onnx_layout import gather_shuffles, reshapes_to_transposes, sink_transposes
from .onnx_pads import fold_pads, keep_pads_of_poolings, pad_integers


def rewrite(model: ModelProto) -> None:
    """Does to a model all that this file, `onnx_layout` and `onnx_pads` know. In place."""
    expand_erfc(model)
    drop_reshapes(model)
    reshapes_to_transposes(model)
    gather_shuffles(model)
    sink_transposes(model)
    drop_reshapes(model)
    pad_integers(model)
    fold_pads(model)
    keep_pads_of_poolings(model)
    fold_into_weights(model)


def expand_erfc(model: ModelProto) -> None:
    """erfc(x), which the converter passes on and ONNX has not, is 1 - erf(x). In place.

    Keras' exact gelu is x/2 * erfc(-x / sqrt(2)).
    """
    graph = Graph(model)
    for node in [node for node in model.graph.node if node.op_type == "Erfc"]:
        one = graph.add_constant(f"{node.name}_one", np.ones((), np.float32))
        output, node.output[0] = node.output[0], f"{node.output[0]}_erf"
        node.op_type, node.domain = "Erf", ""
        difference = helper.make_node("Sub", [one, node.output[0]], [output], name=output)
        graph.insert([difference], after=node)


def fold_into_weights(model: ModelProto) -> None:
    """What multiplies and adds per channel behind a layer with weights moves into them. In place.

    This is where batch normalizations end: the converter folds some and leaves others.
    """
    shapes = shapes_of(model)
    graph = Graph(model)
    for node in list(model.graph.node):
        if node.op_type == "MatMul" and all(len(shapes.get(x, [])) == 2 for x in node.input):
            node.op_type = "Gemm"  # the same, with room for a bias
        while _folds(graph, node) or _takes_rounded_bias(graph, node):
            pass
    graph.finish()


def _takes_rounded_bias(graph, node):
    """Makes an integer bias that is added behind a dense layer its third input."""
    consumer = graph.only_consumer(node)
    if (
        node.op_type != "Gemm"
        or len(node.input) > 2
        or consumer is None
        or consumer.op_type != "Add"
    ):
        return False
    bias = next(name for name in consumer.input if name != node.output[0])
    pair = graph.producers.get(bias)
    if pair is None or pair.op_type != "DequantizeLinear":
        return False
    integers = graph.constant(pair.input[0])
    if integers is None or integers.ndim != 1:
        return False
    graph.absorb(node, consumer)
    node.input.append(bias)
    graph.proto.node.remove(pair)
    graph.proto.node.insert(0, pair)  # before whoever takes it
    return True


# op -> the axis of its weights that its output channels lie on
OUTPUT_AXIS = {"Conv": 0, "ConvTranspose": 1, "Gemm": 1, "MatMul": 1}


def _folds(graph, node):
    """Folds the next node into `node`, where it can be; tells whether it did."""
    consumer = graph.only_consumer(node)
    if (
        node.op_type not in OUTPUT_AXIS
        or consumer is None
        or consumer.op_type not in ("Mul", "Add")
    ):
        return False
    weights = graph.constant(node.input[1])
    others = [name for name in consumer.input if name != node.output[0]]
    values = graph.constant(others[0]) if len(others) == 1 else None
    plain = attribute(node, "alpha", 1.0) == 1 == attribute(node, "beta", 1.0)
    grouped = node.op_type == "ConvTranspose" and attribute(node, "group", 1) != 1
    if weights is None or values is None or not plain or grouped:
        return False
    dense = node.op_type in ("Gemm", "MatMul")
    if dense and weights.ndim != 2:
        return False
    axis = 0 if attribute(node, "transB", 0) else OUTPUT_AXIS[node.op_type]
    values = _per_channel(values, weights.ndim, -1 if dense else 1, weights.shape[axis])
    if values is None or (node.op_type == "MatMul" and consumer.op_type == "Add"):  # no room
        return False
    bias = None
    if len(node.input) > 2 and node.input[2]:
        bias = graph.constant(node.input[2])
        if bias is None:
            return False
    if consumer.op_type == "Mul":
        shape = [1] * weights.ndim
        shape[axis] = -1
        scaled = (weights * values.reshape(shape)).astype(weights.dtype)
        node.input[1] = graph.add_constant(f"{node.input[1]}_folded", scaled)
        bias = None if bias is None else bias * values
    else:
        bias = values if bias is None else bias + values
    if bias is not None:
        del node.input[2:]
        bias = bias.astype(weights.dtype)
        node.input.append(graph.add_constant(f"{consumer.output[0]}_bias", bias))
    graph.absorb(node, consumer)
    return True


def _per_channel(values, rank, axis, channels):
    """One value a channel, where `values` is broadcast along the channels alone; else None."""
    if values.ndim > rank:
        return None
    shape = [1] * (rank - values.ndim) + list(values.shape)
    size = shape.pop(axis)
    if any(n != 1 for n in shape) or size not in (1, channels):
        return None
    return np.broadcast_to(values.reshape(-1), channels)


def drop_reshapes(model: ModelProto) -> None:
    """Chains of reshapes and transposes that end where they began are gone. In place.

    Around tensors of one pixel the converter writes several of them.
    """
    shapes = shapes_of(model)
    graph = Graph(model)
    for node in list(model.graph.node):
        if not _keeps_order(node, shapes) or node.output[0] in graph.ends:
            continue
        target = shapes.get(node.output[0])
        source = node
        while source is not None and _keeps_order(source, shapes):
            name = source.input[0]
            if _same_shape(shapes.get(name), target):
                graph.replace(node.output[0], name)
                break
            source = graph.producers.get(name)
    graph.drop_unused()
    graph.finish()


def _keeps_order(node, shapes):
    """Whether a node gives the numbers of its first input another shape, in the same order."""
    if node.op_type in ("Reshape", "Squeeze", "Unsqueeze"):
        return True
    shape = shapes.get(node.input[0]) if node.op_type == "Transpose" else None
    if shape is None:
        return False
    moved = [axis for axis in attribute(node, "perm") if shape[axis] != 1]
    return moved == sorted(moved)


def _same_shape(one, other):
    """Whether two shapes of as many numbers are the same; one open axis follows from the rest."""
    return one is not None and one == other and one.count(None) <= 1

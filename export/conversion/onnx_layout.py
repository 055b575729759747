"""NCHW from the first transpose of an ONNX graph to the last."""

import numpy as np
from onnx import ModelProto, NodeProto, helper

from .onnx_graph import Graph, attribute, set_attribute, shapes_of

CHANNELS_FIRST, CHANNELS_LAST = [0, 3, 1, 2], [0, 2, 3, 1]

# Operations on each number alone: they commute with a transpose.
POINTWISE = (
    "Relu",
    "LeakyRelu",
    "Clip",
    "Sigmoid",
    "Tanh",
    "Elu",
    "HardSigmoid",
    "HardSwish",
    "Erf",
    "Exp",
    "Log",
    "Neg",
    "Sqrt",
    "Cast",
    "QuantizeLinear",
    "DequantizeLinear",
)
JOINING = ("Add", "Sub", "Mul", "Div", "Max", "Min", "Concat")


def reshapes_to_transposes(model: ModelProto) -> None:
    """Images of one pixel are transposed as others are, where the converter reshapes. In place."""
    shapes = shapes_of(model)
    graph = Graph(model)
    for node in model.graph.node:
        if node.op_type != "Reshape":
            continue
        before, after = (shapes.get(x[0], []) for x in (node.input, node.output))
        if len(before) != 4 or len(after) != 4 or before[0] != after[0]:
            continue
        for perm in (CHANNELS_FIRST, CHANNELS_LAST):
            pixel = slice(2, 4) if perm == CHANNELS_LAST else slice(1, 3)
            if before[pixel] == [1, 1] and after == [before[i] for i in perm]:
                node.op_type = "Transpose"
                del node.input[1:], node.attribute[:]
                set_attribute(node, "perm", perm)
                break
    graph.finish()


def sink_transposes(model: ModelProto) -> None:
    """Moves each transpose to NHWC behind what follows, until one to NCHW undoes it. In place.

    The converter does so with most; what it does not know how to pass stops it between pairs of
    quantization, splits and shuffles.
    """
    graph = Graph(model)
    waiting = [n for n in model.graph.node if turns(n, CHANNELS_LAST)]
    while waiting:
        turn = waiting.pop(0)
        for consumer in list(graph.consumers[turn.output[0]]):
            if turns(consumer, CHANNELS_FIRST) and consumer.output[0] not in graph.ends:
                graph.replace(consumer.output[0], turn.input[0])
            elif consumer in graph.consumers[turn.output[0]] and _commutes(graph, consumer):
                waiting += _pass(graph, consumer)
    graph.drop_unused()
    graph.finish()


def turns(node: NodeProto | None, perm: list[int]) -> bool:
    """Whether a node is the transpose to these axes."""
    return (
        node is not None and node.op_type == "Transpose" and list(attribute(node, "perm")) == perm
    )


def _commutes(graph, node):
    """Whether the node can work on NCHW: all its images come from transposes to NHWC."""
    if node.op_type == "Pad":
        pads = graph.constant(node.input[1])
        return pads is not None and len(pads) == 8 and len(node.input) < 4
    if node.op_type == "Split":
        return True
    if node.op_type == "Gather":
        places = graph.constant(node.input[1])
        return places is not None and places.ndim == 1
    if node.op_type in POINTWISE:  # scales and zero points of one number have no layout
        values = [graph.constant(name) for name in node.input[1:]]
        return all(value is None or value.size == 1 for value in values)
    if node.op_type not in JOINING:
        return False
    return all(
        turns(graph.producers.get(name), CHANNELS_LAST) or _is_number(graph, node, name)
        for name in node.input
    )


def _is_number(graph, node, name):
    value = graph.constant(name)
    return node.op_type != "Concat" and value is not None and value.size == 1 and value.ndim <= 4


def _pass(graph, node):
    """The node works on NCHW; returns the transposes that are now behind it."""
    for i, name in enumerate(node.input):
        turn = graph.producers.get(name)
        if turns(turn, CHANNELS_LAST):
            graph.take(node, i, turn.input[0])
    if node.op_type in ("Split", "Concat", "Gather"):
        axis = attribute(node, "axis", 0)
        set_attribute(node, "axis", CHANNELS_LAST[axis])
    if node.op_type == "Pad":
        pads = graph.constant(node.input[1]).reshape(2, 4)[:, CHANNELS_FIRST].reshape(-1)
        graph.take(node, 1, graph.add_constant(f"{node.input[1]}_first", pads))
    behind = []
    for i, name in enumerate(node.output):
        node.output[i] = f"{name}_first"
        graph.producers[node.output[i]] = node
        behind.append(_node("Transpose", node.output[i], name, perm=CHANNELS_LAST))
    return graph.insert(behind, after=node)


def gather_shuffles(model: ModelProto) -> None:
    """A shuffle of channels is one choice of channels on NCHW. In place.

    The converter writes a reshape, a transpose and a reshape on NHWC. The transposes around what
    stands here can cancel.
    """
    shapes = shapes_of(model)
    graph = Graph(model)
    for node in list(model.graph.node):
        if node.op_type == "Transpose":
            _gather_shuffle(graph, node, shapes)
    graph.finish()


def _gather_shuffle(graph, swap, shapes):
    """`swap`: the transpose between the reshape that splits channels and the one that joins."""
    split, join = graph.producers.get(swap.input[0]), graph.only_consumer(swap)
    if split is None or join is None or {split.op_type, join.op_type} != {"Reshape"}:
        return
    image, parts, result = (
        shapes.get(name, []) for name in (split.input[0], split.output[0], join.output[0])
    )
    perm = list(attribute(swap, "perm"))
    swapped = [*range(len(perm) - 2), len(perm) - 1, len(perm) - 2]
    if perm != swapped or len(image) != 4 or len(result) != 4:
        return
    if None in (*image[1:], *parts[-2:]):
        return
    channels = parts[-1] * parts[-2]
    pixels = [1, 1, channels], [channels, 1, 1]  # an image of one pixel lies either way
    one_pixel = image[1:] in pixels and result[1:] in pixels
    if not one_pixel and (image[3] != channels or result[1:] != image[1:]):
        return
    name, source = join.output[0], split.input[0]
    order = np.arange(channels).reshape(parts[-2:]).T.reshape(-1)
    order = graph.add_constant(f"{name}_order", order.astype(np.int64))
    made = []
    if image[3] == channels:
        made.append(_node("Transpose", source, f"{name}_first", perm=CHANNELS_FIRST))
        source = f"{name}_first"
    last = result[3] == channels
    made.append(_node("Gather", source, f"{name}_chosen" if last else name, order, axis=1))
    if last:
        made.append(_node("Transpose", f"{name}_chosen", name, perm=CHANNELS_LAST))
    graph.insert(made, before=split)
    for node in (split, swap, join):
        graph.proto.node.remove(node)


def _node(op, source, output, *constants, **attributes):
    return helper.make_node(op, [source, *constants], [output], name=output, **attributes)

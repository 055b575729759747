"""Borders in an ONNX graph: the padding of the layer behind them, integers where that is int8."""

import numpy as np
from onnx import ModelProto

from .onnx_graph import Graph, attribute, set_attribute
from .onnx_layout import CHANNELS_FIRST, turns

CONSTANT = b"constant"


def pad_integers(model: ModelProto) -> None:
    """A border of zeros between equal pairs of quantization is one of zero points. In place.

    Rounded with one scale before and behind, integers come back as they were. ONNX Runtime pads
    floats between two pairs, not integers.
    """
    graph = Graph(model)
    for node in list(model.graph.node):
        if node.op_type != "Pad" or len(node.input) > 3 or node.output[0] in graph.ends:
            continue
        before, behind = graph.producers.get(node.input[0]), graph.consumers[node.output[0]]
        if before is None or before.op_type != "DequantizeLinear" or not _zeros(graph, node):
            continue
        meaning = _scale(graph, before)
        if not behind or meaning is None:
            continue
        if any(x.op_type != "QuantizeLinear" or _scale(graph, x) != meaning for x in behind):
            continue
        if graph.ends.intersection(*(x.output for x in behind)):
            continue
        del node.input[2:]
        node.input.append(before.input[2])
        graph.take(node, 0, before.input[0])
        for pair in list(behind):
            graph.replace(pair.output[0], node.output[0])
            graph.consumers[node.output[0]].remove(pair)
            model.graph.node.remove(pair)
        _turn_first(graph, node)
    graph.drop_unused()
    graph.finish()


def _scale(graph, pair):
    """(scale, zero point) of a pair that has one of each; None of others."""
    if len(pair.input) < 3:
        return None
    values = [graph.constant(name) for name in pair.input[1:]]
    return None if any(v is None or v.size != 1 for v in values) else [v.item() for v in values]


def _zeros(graph, pad):
    border = graph.constant(pad.input[2]) if len(pad.input) > 2 else np.zeros(())
    constant = attribute(pad, "mode", CONSTANT) == CONSTANT
    return constant and border is not None and not border.any()


def _turn_first(graph, pad):
    """A transpose to NCHW behind a padding goes in front of it."""
    turn = graph.only_consumer(pad)
    pads = graph.constant(pad.input[1])
    if not turns(turn, CHANNELS_FIRST) or turn.output[0] in graph.ends or pads is None:
        return
    source, padded, turned = pad.input[0], pad.output[0], turn.output[0]
    pads = pads.reshape(2, 4)[:, CHANNELS_FIRST].reshape(-1)
    graph.take(pad, 1, graph.add_constant(f"{pad.input[1]}_first", pads))
    graph.take(turn, 0, source)
    graph.take(pad, 0, padded)
    turn.output[0], pad.output[0] = padded, turned
    graph.producers.update({padded: turn, turned: pad})
    graph.proto.node.remove(turn)
    (turn,) = graph.insert([turn], before=pad)


def fold_pads(model: ModelProto) -> None:
    """Borders in front of convolutions become their padding. In place.

    Those of zeros, and those of zero points that a pair makes zeros of. A maximum over integers
    never chooses a padding either, where the zero point is the least of them.
    """
    graph = Graph(model)
    for node in list(model.graph.node):
        if node.op_type != "Pad" or len(node.input) > 3 or node.output[0] in graph.ends:
            continue
        pads = graph.constant(node.input[1])
        if pads is None or attribute(node, "mode", CONSTANT) != CONSTANT:
            continue
        before, after = np.split(pads, 2)
        if any((*before[:2], *after[:2])):
            continue
        more = np.concatenate([before[2:], after[2:]])
        consumers = _padding_consumers(graph, node)
        if not consumers or not all(_takes_padding(consumer, more) for consumer in consumers):
            continue
        for consumer in consumers:
            own = attribute(consumer, "pads", [0] * len(more))
            set_attribute(consumer, "pads", [int(n) for n in own + more])
        graph.replace(node.output[0], node.input[0])
        model.graph.node.remove(node)
    graph.finish()


def _padding_consumers(graph, pad):
    """Who takes a border that is zero, on floats or through pairs; empty where it means more."""
    consumers = list(graph.consumers[pad.output[0]])
    if _zeros(graph, pad) and all(consumer.op_type == "Conv" for consumer in consumers):
        return consumers
    border = graph.constant(pad.input[2]) if len(pad.input) > 2 else None
    if border is None or border.dtype != np.uint8:
        return []
    found = []
    for pair in consumers:
        meaning = _scale(graph, pair) if pair.op_type == "DequantizeLinear" else None
        if meaning is None or meaning[1] != border or graph.ends.intersection(pair.output):
            return []
        found += graph.consumers[pair.output[0]]
    least = not border.any()
    kinds = {"Conv", "MaxPool"} if least else {"Conv"}
    return found if all(consumer.op_type in kinds for consumer in found) else []


def _takes_padding(consumer, more):
    """Whether a convolution or pooling can have these borders beside its own."""
    if attribute(consumer, "auto_pad", b"NOTSET") != b"NOTSET":
        return False
    if consumer.op_type == "Conv":
        return True
    # A window that sees nothing but the border has no maximum.
    window = list(attribute(consumer, "kernel_shape"))
    own = attribute(consumer, "pads", [0] * len(more))
    fits = all(a + b < n for a, b, n in zip(own, more, window * 2, strict=True))
    return fits and not attribute(consumer, "ceil_mode", 0)


def keep_pads_of_poolings(model: ModelProto) -> None:
    """Zeros around what a max pooling takes stay zeros in ONNX Runtime. In place.

    Its optimizer (Pad_Fusion) makes them the padding of the pooling, which no maximum sees: where
    all else is negative the result is wrong, and a border as wide as the window does not load. It
    does so where every byte of the value is 0; those of -0.0, the same number, are not.
    """
    graph = Graph(model)
    for node in list(model.graph.node):
        consumers = graph.consumers[node.output[0]]
        if node.op_type != "Pad" or not any(
            consumer.op_type == "MaxPool" for consumer in consumers
        ):
            continue
        border = graph.constant(node.input[2]) if len(node.input) > 2 else np.zeros((), np.float32)
        if border is None or border.any() or not np.issubdtype(border.dtype, np.floating):
            continue
        del node.input[2:]
        node.input.append(graph.add_constant(f"{node.output[0]}_border", -np.zeros_like(border)))
    graph.finish()

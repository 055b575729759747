"""What the nodes, tensors and constants of an ONNX graph are called: by their Keras layers."""

from collections.abc import Sequence
from typing import Any

import keras

from .layer_names import layer_names, layer_of

WEIGHTED = ("Conv", "ConvTranspose", "Gemm", "MatMul")
QUANTIZED = {1: "scale", 2: "zero_point"}
CONSTANTS = {op: {1: "kernel", 2: "bias"} for op in WEIGHTED} | {
    "QuantizeLinear": QUANTIZED,
    "DequantizeLinear": {0: "integers", **QUANTIZED},
}


def name_ends(proto: Any, inputs: Sequence[str], outputs: Sequence[str]) -> None:
    """Calls the inputs and outputs of a graph by these names. In place."""
    graph = proto.graph
    wanted = [*zip(graph.input, inputs, strict=True), *zip(graph.output, outputs, strict=True)]
    _rename(graph, {value.name: name for value, name in wanted})
    for value, name in wanted:
        value.name = name


def _rename(graph, names):
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
    for constant in graph.initializer:
        constant.name = names.get(constant.name, constant.name)


def name_by_layers(proto: Any, model: keras.Model) -> None:
    """Calls what carries the weights of a layer as the layer, any other node {layer}/{operation}.

    A constant is called {node}/kernel or the like, a tensor as the node that makes it. Inputs and
    outputs of the graph keep their names. Constants come to stand in the order of their use: in
    tf2onnx's graph it changes from call to call. In place.
    """
    graph, layers = proto.graph, layer_names(model)
    ends = {value.name for value in (*graph.input, *graph.output)}
    producers = {name: node for node in graph.node for name in node.output}
    constants = {t.name: t for t in graph.initializer}
    names, tensors, renamed = set(), set(ends), {}

    def unique(name, taken):
        number, wanted = 1, name
        while name in taken:
            number += 1
            name = f"{wanted}_{number}"
        taken.add(name)
        return name

    def hints(node):
        if node.op_type in WEIGHTED:
            kernel = node.input[1]
            yield kernel
            if kernel in producers:  # behind its DequantizeLinear
                yield producers[kernel].input[0]
        elif node.op_type == "DequantizeLinear" and node.input[0] in constants:
            yield node.input[0]
        yield from (node.name, *node.output)

    for node in graph.node:
        found = (layer_of(hint, layers) for hint in hints(node))
        layer = next((name for name in found if name), None)
        name = node.op_type if layer is None else layer
        if layer is not None and node.op_type not in WEIGHTED:
            name = f"{layer}/{node.op_type}"
        node.name = unique(name, names)
        for i, output in enumerate(node.output):
            if output and output not in ends:
                name = node.name if i == 0 else f"{node.name}:{i}"
                renamed[output] = unique(name, tensors)
        for i, constant in enumerate(node.input):
            if constant in constants and constant not in renamed:
                part = CONSTANTS.get(node.op_type, {}).get(i, i)
                renamed[constant] = unique(f"{node.name}/{part}", tensors)
    _rename(graph, renamed)
    _order_constants(graph)
    del graph.value_info[:]


def _order_constants(graph):
    order = {}
    for node in graph.node:
        for name in node.input:
            order.setdefault(name, len(order))
    graph.initializer.sort(key=lambda t: (order.get(t.name, len(order)), t.name))

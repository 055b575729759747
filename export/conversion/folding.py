"""Constants of a frozen graph: what hangs on nothing else is computed before it is converted.

TFLite's converter, unlike that of ONNX, leaves some of it in the file, to be computed for every
image: the kernel that a partially connected convolution puts together from its parts, the window
of a response normalization.
"""

from collections import defaultdict
from dataclasses import replace
from typing import Any

from .freeze import Frozen
from .internals import optimized

LARGE = 2**12  # bytes of a constant that is not carried through the optimizer for nothing


def fold(frozen: Frozen) -> Any:
    """Folds the constants of a frozen float function; returns the smaller graph, a GraphDef.

    Large weights that nothing constant is computed from stay outside meanwhile: the optimizer
    makes half a dozen copies of what it is given.

    An int8 simulation must not pass here: the rounding of its weights is what the converter reads
    their scales from.
    """
    outside = _weights(frozen.graph)
    folded = optimized(replace(frozen, graph=_around(frozen.graph, outside)), ["constfold"])
    for node in folded.node:
        if node.name in outside:
            node.CopyFrom(outside[node.name])
    return folded


def _weights(graph):
    """name -> node of the large constants that only computed tensors meet."""
    constant, consumers = set(), defaultdict(list)
    for node in graph.node:  # in the order of their computation
        names = [name.split(":")[0] for name in node.input if not name.startswith("^")]
        for name in names:
            consumers[name].append(node.name)
        if node.op == "Const" or (names and constant.issuperset(names)):
            constant.add(node.name)
    return {
        node.name: node
        for node in graph.node
        if node.op == "Const"
        and node.ByteSize() > LARGE
        and consumers[node.name]
        and constant.isdisjoint(consumers[node.name])
    }


def _around(graph, outside):
    """A copy of a graph with a placeholder for each constant outside."""
    copy = type(graph)(versions=graph.versions, library=graph.library)
    for node in graph.node:
        if node.name not in outside:
            copy.node.append(node)
            continue
        place = copy.node.add(name=node.name, op="Placeholder")
        place.attr["dtype"].CopyFrom(node.attr["dtype"])
        place.attr["shape"].shape.CopyFrom(node.attr["value"].tensor.tensor_shape)
    return copy

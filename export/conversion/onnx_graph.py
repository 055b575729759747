"""An ONNX graph that can be rewritten."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from onnx import ModelProto, NodeProto, helper, numpy_helper, shape_inference


class Graph:
    """The nodes of a model, and for each tensor who makes it, who takes it, what is constant."""

    def __init__(self, model: ModelProto) -> None:
        self.proto = model.graph
        self.constants = {t.name: t for t in model.graph.initializer}
        self.ends = {value.name for value in model.graph.output}
        self.producers, self.consumers = {}, defaultdict(list)
        for node in model.graph.node:
            self.producers.update(dict.fromkeys(node.output, node))
            for name in node.input:
                self.consumers[name].append(node)

    def constant(self, name: str) -> np.ndarray | None:
        """The value of a constant; None for a tensor that is computed."""
        found = self.constants.get(name)
        return None if found is None else numpy_helper.to_array(found)

    def add_constant(self, name: str, value: ArrayLike) -> str:
        """Adds a constant, called `name` or like it where that is taken. Returns its name."""
        while name in self.constants:
            name += "_"
        self.constants[name] = numpy_helper.from_array(np.asarray(value, order="C"), name)
        self.proto.initializer.append(self.constants[name])
        return name

    def only_consumer(self, node: NodeProto) -> NodeProto | None:
        """The one node that takes the output of `node`; None where others see it too."""
        consumers = self.consumers[node.output[0]]
        return consumers[0] if len(consumers) == 1 and node.output[0] not in self.ends else None

    def absorb(self, node: NodeProto, consumer: NodeProto) -> None:
        """`consumer` is gone; `node` makes its output. In place."""
        self.proto.node.remove(consumer)
        node.output[0] = consumer.output[0]
        self.producers[node.output[0]] = node

    def insert(
        self,
        nodes: Sequence[NodeProto],
        *,
        before: NodeProto | None = None,
        after: NodeProto | None = None,
    ) -> list[NodeProto]:
        """Puts nodes into the order of the graph; returns them as they stand there."""
        order = self.proto.node
        position = [id(n) for n in order].index(id(before or after)) + (after is not None)
        for i, node in enumerate(nodes):
            order.insert(position + i, node)
            node = order[position + i]
            self.producers[node.output[0]] = node
            for name in node.input:
                self.consumers[name].append(node)
        return list(order[position : position + len(nodes)])

    def take(self, node: NodeProto, i: int, name: str) -> None:
        """Input `i` of a node is the tensor `name`."""
        before, node.input[i] = node.input[i], name
        if before not in node.input:
            self.consumers[before] = [n for n in self.consumers[before] if n is not node]
        self.consumers[name].append(node)

    def replace(self, name: str, other: str) -> None:
        """Whoever took the tensor `name` takes `other`."""
        for node in self.consumers.pop(name, []):
            node.input[:] = [other if x == name else x for x in node.input]
            self.consumers[other].append(node)

    def drop_unused(self) -> None:
        """Nodes whose outputs nobody takes are gone."""
        taken = {name for node in self.proto.node for name in node.input} | self.ends
        for node in reversed(list(self.proto.node)):
            if not taken.intersection(node.output):
                self.proto.node.remove(node)
                taken = {name for n in self.proto.node for name in n.input} | self.ends

    def finish(self) -> None:
        """Forgets what is no longer used, and what was said of tensors that changed."""
        used = {name for node in self.proto.node for name in node.input} | self.ends
        for name in set(self.constants) - used:
            self.proto.initializer.remove(self.constants[name])
        del self.proto.value_info[:]


def attribute(node: NodeProto, name: str, default: Any = None) -> Any:
    """The value of an attribute of a node."""
    return next((helper.get_attribute_value(a) for a in node.attribute if a.name == name), default)


def set_attribute(node: NodeProto, name: str, value: Any) -> None:
    """Gives a node an attribute, whether it had one of this name or not."""
    for old in [a for a in node.attribute if a.name == name]:
        node.attribute.remove(old)
    node.attribute.append(helper.make_attribute(name, value))


def shapes_of(model: ModelProto) -> dict[str, list[Any]]:
    """name of a tensor -> its shape, with None for what is open; unknown tensors are absent."""
    inferred = shape_inference.infer_shapes(model, data_prop=True).graph
    found: dict[str, list[Any]] = {t.name: list(t.dims) for t in inferred.initializer}
    for value in (*inferred.input, *inferred.value_info, *inferred.output):
        tensor = value.type.tensor_type
        if tensor.HasField("shape"):
            found[value.name] = [
                d.dim_value if d.HasField("dim_value") else None for d in tensor.shape.dim
            ]
    return found

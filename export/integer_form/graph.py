"""What stands where in the graph of a model: who makes a tensor, who takes it, where it ends."""

from typing import Any

import keras

from kerascnn.models.graph import Node, consumers, nodes


class Graph:
    """The calls of a model's operations, and how tensors lead from one to the next.

    nodes: inputs first, as `kerascnn.models.graph.nodes` gives them. producers: id of a tensor ->
    the node it comes out of. consumers: id of a tensor -> the nodes that take it. inputs, outputs:
    ids of the tensors at the ends. calls: id of an operation -> its nodes; a shared layer has
    several.
    """

    def __init__(self, model: keras.Model) -> None:
        self.nodes = nodes(model)
        self.producers = {id(x): node for node in self.nodes for x in node.outputs}
        self.consumers = consumers(model)
        self.inputs = {id(x) for x in model.inputs}
        self.outputs = {id(x) for x in model.outputs}
        self.calls = {}
        for node in self.nodes:
            self.calls.setdefault(id(node.operation), []).append(node)

    def producer(self, x: Any, through: tuple[type, ...] = ()) -> Node | None:
        """The node that x comes out of, behind layers of the classes `through`; None for inputs."""
        node = self.producers.get(id(x))
        while node is not None and isinstance(node.operation, through):
            node = self.producers.get(id(node.input_tensors[0]))
        return node

    def only_consumer(self, x: Any, through: tuple[type, ...] = ()) -> Node | None:
        """The node that alone takes x, behind layers of the classes `through`; else None.

        What is an output of the model is taken by whoever uses the model, too.
        """
        followers = self.consumers.get(id(x), ())
        if id(x) in self.outputs or len(followers) != 1:
            return None
        if isinstance(followers[0].operation, through):
            return self.only_consumer(followers[0].outputs[0], through)
        return followers[0]

"""The graph of a functional model: its calls, what they give and take, and a walk along them."""

import sys
from collections.abc import Callable, Mapping
from typing import Any

import keras

from kerascnn.errors import UserError
from kerascnn.models.graph.internals import (
    Functional,
    Node,
    all_nodes,
    call_arguments,
    functional_or_none,
    layers_within,
    outputs_structure,
    producer_node,
    sublayers,
)


def allow_depth(number_of_layers: int) -> None:
    """Lets Keras walk a graph that deep: it takes one recursion a layer, and Python stops at 1000.

    Building such a model and loading it both need this; `kerascnn.training.load_model` has it.
    """
    sys.setrecursionlimit(max(sys.getrecursionlimit(), number_of_layers + 1000))


def functional(model: keras.Model) -> Functional:
    """The functional form of a model; UserError for a subclassed or an unbuilt one."""
    inner = functional_or_none(model)
    if inner is None:
        raise UserError(
            f"{model.name}: expected a functional or a built sequential model, got a "
            f"{type(model).__name__}; its layers cannot be seen"
        )
    return inner


def is_functional(model: keras.Model) -> bool:
    """Whether the layers of a model can be seen."""
    return functional_or_none(model) is not None


def nodes(model: keras.Model) -> list[Node]:
    """The calls of a model's operations, inputs first, without its input layers.

    A node has `operation`, `input_tensors` and `outputs`; a shared layer has several nodes.
    """
    return [n for n in all_nodes(functional(model)) if n.operation and not n.is_input]


def consumers(model: keras.Model) -> dict[int, list[Node]]:
    """id of a tensor -> the nodes that take it."""
    found = {}
    for node in nodes(model):
        for tensor in node.input_tensors:
            found.setdefault(id(tensor), []).append(node)
    return found


def producer(tensor: Any, *, through: tuple[type, ...] = ()) -> keras.Operation | None:
    """The operation that a Keras tensor came out of; None for what is no Keras tensor.

    through: classes of layers to look through, each at its first input.
    """
    node = producer_node(tensor)
    while node and isinstance(node.operation, through):
        node = producer_node(node.input_tensors[0])
    return node.operation if node else None


def output_specs(node: Node, known: Mapping[int, Any]) -> list[keras.KerasTensor]:
    """The symbolic outputs of a node on other inputs; `known`: id of a tensor -> its stand-in."""
    args, kwargs = call_arguments(node, known)
    return keras.tree.flatten(node.operation.compute_output_spec(*args, **kwargs))


def walk(model: keras.Model, inputs: Any, call: Callable[..., Any]) -> Any:
    """Runs `inputs` through the graph of `model`: `call(node, *args, **kwargs)` for each node.

    Args:
        model: functional or sequential.
        inputs: a Keras tensor for each of the model's inputs, in any structure of that order.
        call: returns what stands for the node's outputs.

    Returns:
        The outputs, in the structure of the model's.
    """
    model = functional(model)
    known = {
        id(old): new for old, new in zip(model.inputs, keras.tree.flatten(inputs), strict=True)
    }
    for node in nodes(model):
        if any(id(x) not in known for x in node.input_tensors):
            continue  # of another graph that shares this layer
        args, kwargs = call_arguments(node, known)
        outputs = keras.tree.flatten(call(node, *args, **kwargs))
        known.update({id(old): new for old, new in zip(node.outputs, outputs, strict=True)})
    outputs = [known[id(x)] for x in model.outputs]
    return keras.tree.pack_sequence_as(outputs_structure(model), outputs)


def all_layers(layer: keras.Layer) -> list[keras.Layer]:
    """The layers inside a model or layer, at any depth, each once; a nest before its contents."""
    found: dict[int, keras.Layer] = {}
    for part in sublayers(layer):
        for inner in (part, *all_layers(part)):
            found.setdefault(id(inner), inner)
    return list(found.values())


def computes_in(model: keras.Model) -> set[str]:
    """The dtypes that the layers of a model compute in."""
    return {layer.compute_dtype for layer in layers_within(model) if layer.compute_dtype}

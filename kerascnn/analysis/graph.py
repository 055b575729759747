"""A model as a flat list of calls, in the order in which Keras makes them."""

from dataclasses import dataclass

import keras

from kerascnn.errors import UserError
from kerascnn.models.graph import functional, nodes, output_specs


@dataclass(frozen=True, eq=False)
class Tensor:
    """One symbolic tensor of the graph, told from others by identity; its batch size is None."""

    shape: tuple[int | None, ...]


@dataclass(frozen=True, eq=False)
class Call:
    """One call of one operation: a layer called twice makes two calls.

    name: of the layer, behind the names of the models it is nested in ("encoder/conv1").
    """

    name: str
    operation: keras.Operation
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]

    @property
    def is_input(self) -> bool:
        return isinstance(self.operation, keras.layers.InputLayer)


@dataclass(frozen=True, eq=False)
class Graph:
    """`calls` in the order in which Keras runs them, and the tensors that the model returns."""

    calls: tuple[Call, ...]
    outputs: tuple[Tensor, ...]


def walk(model: keras.Model) -> Graph:
    """Returns the `Graph` of a functional or built Sequential model, nested models inlined.

    Raises:
        UserError: a subclassed or an unbuilt model.
    """
    model = functional(model)
    owners = {id(x.output): x for x in model.layers if isinstance(x, keras.layers.InputLayer)}
    calls, seen = [], {}
    for x in model.inputs:
        tensor = Tensor(tuple(x.shape))
        seen[id(x)] = x, tensor
        calls.append(Call(owners[id(x)].name, owners[id(x)], (), (tensor,)))
    outputs = _inline(model, seen, "", calls)
    return Graph(tuple(calls), tuple(outputs))


def _inline(model, seen, prefix, calls):
    """Appends the calls of a functional `model`; returns its output tensors.

    seen: id of a symbolic tensor of `model` -> (the tensor that takes its place here, its
    `Tensor`). The two differ where a nested model is called on another size than it was built on.
    """
    for node in nodes(model):
        if any(id(x) not in seen for x in node.input_tensors):
            continue  # of another graph that shares this layer
        here = [seen[id(x)] for x in node.input_tensors]
        inner = _nested(node.operation)
        name = prefix + node.operation.name
        if inner is not None:
            inside = {id(x): y for x, y in zip(inner.inputs, here, strict=True)}
            results = _inline(inner, inside, f"{name}/", calls)
            specs = [inside[id(x)][0] for x in inner.outputs]
        else:
            specs = _output_specs(node, seen, here)
            results = [Tensor(tuple(x.shape)) for x in specs]
            inputs = tuple(tensor for _, tensor in here)
            calls.append(Call(name, node.operation, inputs, tuple(results)))
        for x, spec, tensor in zip(node.outputs, specs, results, strict=True):
            seen[id(x)] = spec, tensor
    return [seen[id(x)][1] for x in model.outputs]


def _nested(operation):
    """The graph inside an operation that is a model, else None; a subclassed one stays closed."""
    if not isinstance(operation, keras.Model):
        return None
    try:
        return functional(operation)
    except UserError:
        return None


def _output_specs(node, seen, here):
    """What the node gives on the tensors of this call: its own outputs, if they are its own."""
    if all(x.shape == y.shape for x, (y, _) in zip(node.input_tensors, here, strict=True)):
        return node.outputs
    return output_specs(node, {key: spec for key, (spec, _) in seen.items()})

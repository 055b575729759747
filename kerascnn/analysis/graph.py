"""A model as a flat list of calls. The one file of `analysis` that uses private names of Keras."""

from contextlib import contextmanager
from dataclasses import dataclass

import keras
from keras.src.backend.common import global_state

from kerascnn.errors import UserError


@contextmanager
def without_weights():
    """Models built inside have shapes and parameters that can be counted, but never get weights.

    They cannot run. `keras.StatelessScope` alone puts the weights off until it is left.
    """
    waiting = global_state.get_global_attribute("uninitialized_variables", [], set_to_default=True)
    before = len(waiting)
    try:
        with keras.StatelessScope(initialize_variables=False):
            yield
    finally:
        del waiting[before:]  # else the end of whatever scope comes next would make them after all


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
    def is_input(self):
        return isinstance(self.operation, keras.layers.InputLayer)


@dataclass(frozen=True, eq=False)
class Graph:
    """`calls` in the order in which Keras runs them, and the tensors that the model returns."""

    calls: tuple[Call, ...]
    outputs: tuple[Tensor, ...]


def walk(model):
    """Returns the `Graph` of a functional or built Sequential model, nested models inlined."""
    function = _function(model)
    if function is None:
        raise UserError(
            f"expected a functional model, or a Sequential one with an Input, got "
            f"{type(model).__name__} {getattr(model, 'name', '')!r}; build it from keras.Input"
        )
    calls, seen = [], {}
    for x in function.inputs:
        seen[id(x)] = x, Tensor(tuple(x.shape))
        layer = x._keras_history.operation
        calls.append(Call(layer.name, layer, (), (seen[id(x)][1],)))
    outputs = _inline(function, seen, "", calls)
    return Graph(tuple(calls), tuple(outputs))


def _function(operation):
    """The graph of nodes inside a functional or Sequential model, else None."""
    operation = getattr(operation, "_functional", None) or operation
    return operation if hasattr(operation, "_nodes_by_depth") else None


def _inline(function, seen, prefix, calls):
    """Appends the calls of `function`; returns its output tensors.

    seen: id of a symbolic tensor of `function` -> (the tensor that takes its place here, its
    `Tensor`). The two differ where a nested model is called on another size than it was built on.
    """
    for depth in sorted(function._nodes_by_depth, reverse=True):
        for node in function._nodes_by_depth[depth]:
            if node.is_input or any(id(x) in seen for x in node.outputs):
                continue
            here = [seen[id(x)] for x in node.input_tensors]
            inner = _function(node.operation)
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
    return [seen[id(x)][1] for x in function.outputs]


def _output_specs(node, seen, here):
    """What the node gives on the tensors of this call: its own outputs, if they are its own."""
    if all(x.shape == y.shape for x, (y, _) in zip(node.input_tensors, here, strict=True)):
        return node.outputs
    replacements = {key: spec for key, (spec, _) in seen.items()}
    args, kwargs = node.arguments.fill_in(replacements)
    return keras.tree.flatten(node.operation.compute_output_spec(*args, **kwargs))

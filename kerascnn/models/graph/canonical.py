"""A copy of a model that graph tools find easy to read: flat, one layer an operation."""

from collections.abc import Callable
from typing import Any

import keras

from kerascnn.models.graph.internals import Node
from kerascnn.models.graph.rebuilding import like, new_inputs, output_names
from kerascnn.models.graph.tracing import is_block, traced_layer
from kerascnn.models.graph.walking import is_functional, walk
from kerascnn.models.operations import as_layer


def in_float32(model: keras.Model) -> keras.Model:
    """A copy of a model, with the same names and weights, that computes in float32 throughout."""
    copied, _ = canonical_pairs(model, split_activations=False, dtype="float32")
    return copied


def canonical(model: keras.Model, *, split_activations: bool = True) -> keras.Model:
    """A copy of a model, with the same weights and outputs, that graph tools find easy to read.

    Nested models are inlined, blocks that are layers of somebody's own are opened, activations
    written inside a layer (`Dense(activation=...)`) stand alone as `{layer}_{activation}`, and what
    is written with keras.ops, as `x + y`, are the layers that say the same. A layer that is shared
    stays shared. Names are
    kept; one that occurs twice gets its model's in front.
    split_activations: False leaves them inside their layers.
    """
    return canonical_pairs(model, split_activations=split_activations)[0]


def canonical_pairs(
    model: keras.Model,
    *,
    split_activations: bool = True,
    dtype: str | None = None,
    nested: bool = False,
) -> tuple[keras.Model, list[tuple[keras.Layer, keras.Layer]]]:
    """The copy that `canonical` makes, and the list of (layer of the model, its copy).

    dtype: what the copies compute in and hold; by default as the layers. nested: whether nested
    models stay nested; only what is inside of them becomes easy to read.
    """
    copies = _Copies(split_activations, dtype, nested)
    inputs = new_inputs(model)
    outputs = walk(model, inputs, copies.call_in(model))
    copied = like(model, keras.Model(inputs, outputs, name=model.name))
    copied.output_names = output_names(model)
    copied.inlined = {**getattr(model, "inlined", {}), **copies.inlined}
    pairs = [(layer, copy) for layer, copy, _ in copies.layers.values()]
    for layer, copy in pairs:
        copy.set_weights(layer.get_weights())
        if isinstance(layer, keras.layers.Normalization):
            copy.finalize_state()  # its constants are derived from its weights
        copy.trainable = layer.trainable
    return copied, pairs


class _Copies:
    """The copies of layers that `canonical_pairs` calls instead of them.

    layers: id of a layer -> (layer, its copy, the copy of its inner activation or None).
    inlined: name of a nested model or block -> the names of the layers that came out of it.
    """

    def __init__(self, split_activations: bool, dtype: str | None, nested: bool) -> None:
        self.split_activations, self.dtype, self.nested = split_activations, dtype, nested
        self.layers, self.names, self.inlined = {}, set(), {}
        self.models = {}  # id of a nested model -> (the model, its copy), where these stay

    def call_in(
        self, owner: keras.Model, within: tuple[keras.Layer, ...] = ()
    ) -> Callable[..., Any]:
        """The function that `walk` calls for each node of `owner`; within: the models around it."""

        def call(node: Node, *args: Any, **kwargs: Any) -> Any:
            operation = node.operation
            if self.nested and isinstance(operation, keras.Model) and is_functional(operation):
                return self._nest(operation)(*args, **kwargs)
            if isinstance(operation, keras.Model) or is_block(operation):
                inner = operation
                if not is_functional(operation):
                    specs = keras.tree.map_structure(
                        lambda x: keras.Input(batch_shape=x.shape, dtype=x.dtype), args[0]
                    )
                    inner = traced_layer(operation, specs, kwargs)
                return walk(inner, args[0], self.call_in(operation, (*within, operation)))
            if isinstance(operation, keras.Layer):
                layer, activation = self._copy(operation, owner, within)
                outputs = layer(*args, **kwargs)
                return activation(outputs) if activation else outputs
            name = self._unique(operation.name, owner)
            outputs = as_layer(operation, args, kwargs, name)
            return operation(*args, **kwargs) if outputs is None else outputs

        return call

    def _nest(self, model):
        if id(model) not in self.models:
            around, self.names = self.names, set()  # it has names of its own
            inputs = new_inputs(model)
            copy = keras.Model(inputs, walk(model, inputs, self.call_in(model)), name=model.name)
            copy.output_names = output_names(model)
            if not model.trainable:
                copy.trainable = False  # so that it can be set to True as that of the model
            self.models[id(model)] = model, like(model, copy)
            self.names = around
        return self.models[id(model)][1]

    def _copy(self, layer, owner, within):
        if id(layer) not in self.layers:
            config = layer.get_config()
            config["name"] = self._unique(layer.name, owner)
            if self.dtype:
                config["dtype"] = self.dtype
            activation = None
            if self.split_activations and has_inner_activation(layer):
                config["activation"] = "linear"
                name = f"{config['name']}_{layer.activation.__name__}"
                activation = activation_layer(layer.activation, self._unique(name, owner))
            self.layers[id(layer)] = layer, type(layer).from_config(config), activation
            for outer in within:
                self.inlined.setdefault(outer.name, []).append(config["name"])
        return self.layers[id(layer)][1:]

    def _unique(self, name, owner):
        name = name if name not in self.names else f"{owner.name}_{name}"
        while name in self.names:
            name += "_again"
        self.names.add(name)
        return name


def has_inner_activation(layer: keras.Layer) -> bool:
    """Whether a convolution, Dense or the like applies an activation of its own."""
    activation = getattr(layer, "activation", None)
    weighs = hasattr(layer, "kernel") or hasattr(layer, "pointwise_kernel")
    return weighs and activation not in (None, keras.activations.linear)


def activation_layer(function: Callable[..., Any], name: str) -> keras.Layer:
    """The layer that applies a Keras activation function."""
    if function is keras.activations.relu:
        return keras.layers.ReLU(name=name)
    if function is keras.activations.relu6:
        return keras.layers.ReLU(6.0, name=name)
    return keras.layers.Activation(function, name=name)

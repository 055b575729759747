"""A copy of a model with everything that people address in it: names, nesting, class, weights."""

from collections.abc import Callable
from typing import Any

import keras

from kerascnn.models.graph import (
    is_functional,
    like,
    new_inputs,
    output_names,
    packed,
    traced,
    walk,
)


def copied(
    model: keras.Model,
    clone_function: Callable[[keras.Layer], keras.Layer] | None = None,
    weights: Callable[[keras.Layer], list] = keras.Layer.get_weights,
) -> keras.Model:
    """Copies a model, its nested models and its weights; it is not compiled.

    Args:
        model: functional, sequential, or a class of its own that is made of Keras operations.
        clone_function: gives the new layer for a layer; by default a copy of it. It may take and
            give another number of channels than the old one.
        weights: gives the weights of the new layer for a layer.

    Returns:
        A functional model of the same names and class.

    Raises:
        UserError: a model whose layers cannot be seen.
    """
    model = traced(model)
    return _Copy(clone_function or _again, weights).of(model, new_inputs(model))


def _again(layer):
    return type(layer).from_config(layer.get_config())


class _Copy:
    def __init__(self, clone_function: Callable[..., Any], weights: Callable[..., list]) -> None:
        self.clone_function, self.weights = clone_function, weights
        self.copies = {}  # id of a layer -> (the layer, its copy)

    def of(self, model: keras.Model, inputs: Any) -> keras.Model:
        """The copy of a functional model, on these Keras inputs."""
        copy = keras.Model(inputs, walk(model, inputs, self._call), name=model.name)
        copy.output_names = output_names(model)
        if not model.trainable:
            copy.trainable = False  # so that it can be set to True as that of the model
        return like(model, copy)

    def _call(self, node, *args, **kwargs):
        layer = node.operation
        if not isinstance(layer, keras.Layer):
            return layer(*args, **kwargs)
        if id(layer) in self.copies:
            return self.copies[id(layer)][1](*args, **kwargs)
        if isinstance(layer, keras.Model) and is_functional(layer):
            given = packed(layer, keras.tree.flatten(args[0]))
            copy = self.of(layer, keras.tree.map_structure(_like_given, new_inputs(layer), given))
            self.copies[id(layer)] = layer, copy
            return copy(*args, **kwargs)
        copy = self.clone_function(layer)
        self.copies[id(layer)] = layer, copy
        outputs = copy(*args, **kwargs)
        copy.set_weights(self.weights(layer))
        copy.trainable = layer.trainable
        if isinstance(layer, keras.layers.Normalization):
            copy.finalize_state()  # its constants are derived from its weights
        return outputs


def _like_given(old, given):
    """An input of a nested model with as many channels as it is given."""
    if len(old.shape) < 2 or old.shape[-1] == given.shape[-1]:
        return old
    return keras.Input(
        batch_shape=(*old.shape[:-1], given.shape[-1]), dtype=old.dtype, name=old.name
    )

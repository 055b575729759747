"""Keras 3 <-> tf_keras: the same layers, names and weights, for tools that know only tf_keras."""

from typing import Any

import keras
import numpy as np
from keras import layers

from kerascnn.errors import UserError
from kerascnn.models.graph import canonical, canonical_pairs, walk

from .equivalents import equivalent, operation_equivalent
from .extra import import_extra


def to_tf_keras(model: keras.Model) -> Any:
    """Rebuilds a Keras 3 model as a tf_keras model.

    Args:
        model: functional or sequential, also nested; on any Keras backend.

    Returns:
        A functional `tf_keras.Model`, flat, with the layer names that `canonical` gives, the same
        weights and the same outputs (to 1e-5). Regularizers and constraints come along.

    Raises:
        UserError: tf_keras is missing, or has no equal of a layer; it is named.
    """
    tf_keras = import_extra("tf_keras")
    flat = canonical(model)
    equivalents = {}

    def call(node, *args, **kwargs):
        operation = node.operation
        if not isinstance(operation, keras.Layer):
            return operation_equivalent(operation, args, type(inputs[0]))(*args)
        if id(operation) not in equivalents:
            equivalents[id(operation)] = operation, equivalent(operation)
        # Keras 3 notes training=False at every call, and overrules it; tf_keras would obey.
        wired = {k: v for k, v in kwargs.items() if k not in ("training", "mask")}
        return equivalents[id(operation)][1](*args, **wired)

    inputs = [tf_keras.Input(batch_shape=x.shape, dtype=x.dtype, name=x.name) for x in flat.inputs]
    copied = tf_keras.Model(inputs, walk(flat, inputs, call), name=flat.name)
    for layer, copy in equivalents.values():
        if getattr(copy, "weights", None):
            copy.set_weights(layer.get_weights())
    return copied


def from_tf_keras(model: Any, like: keras.Model) -> keras.Model:
    """Writes the weights of a tf_keras model into the Keras 3 model that it came from.

    Args:
        model: what `to_tf_keras(like)` gave, trained, or rebuilt with the same layer names.
        like: the Keras 3 model; its weights are replaced.

    Returns:
        `like`.

    Raises:
        UserError: a layer of `like` that is missing in `model`, or has other shapes there.
    """
    homes = {layer.name: layer for layer in model.layers}
    for layer, copied in canonical_pairs(like)[1]:
        if not layer.weights or isinstance(layer, layers.Normalization):
            continue
        if copied.name not in homes:
            raise UserError(
                f"{copied.name}: no layer of that name in {model.name}; give the model that "
                f"to_tf_keras made of {like.name}"
            )
        found = named_weights(homes[copied.name])
        stored = [found.get(w.name, found.get(f"depthwise_{w.name}")) for w in layer.weights]
        wanted = [tuple(w.shape) for w in layer.weights]
        given = [None if w is None else w.shape for w in stored]
        if wanted != given:
            raise UserError(f"{copied.name}: expected weights {wanted}, got {given}")
        layer.set_weights(stored)
    return like


def named_weights(layer: Any) -> dict[str, np.ndarray]:
    """The weights of a tf_keras layer, wrapped by tfmot or not: "kernel" -> array."""
    return {w.name.split("/")[-1].split(":")[0]: w.numpy() for w in layer.weights}

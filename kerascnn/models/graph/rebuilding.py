"""What a model that is built anew from another takes over: inputs, names, class, attributes."""

from collections.abc import Iterable
from typing import Any

import keras

from kerascnn.models.graph.internals import (
    OF_NO_CLASS_OF_ITS_OWN,
    Functional,
    inputs_structure,
    layers_within,
    outputs_structure,
)
from kerascnn.models.graph.walking import allow_depth, functional

LAYERS_FOR_ONE = 4  # that a model may be rebuilt with, at most, for each of its own


def new_inputs(model: keras.Model) -> Any:
    """Keras inputs like those of a model, in the same structure, to rebuild it from."""
    allow_depth(LAYERS_FOR_ONE * len(layers_within(functional(model))))
    return keras.tree.map_structure(
        lambda x: keras.Input(batch_shape=x.shape, dtype=x.dtype, name=x.name),
        inputs_structure(functional(model)),
    )


def output_names(model: keras.Model) -> list[str]:
    """The names of a model's outputs, in their order: the keys where they are a dict."""
    flat = functional(model)
    struct = outputs_structure(flat)
    if isinstance(struct, dict) and all(keras.utils.is_keras_tensor(x) for x in struct.values()):
        return [key for key, _ in sorted(struct.items())]
    return list(getattr(model, "output_names", None) or flat.output_names)


def packed(model: keras.Model, values: Iterable[Any]) -> Any:
    """Values, one an input of a model in its order, in the structure that it is called with."""
    return keras.tree.pack_sequence_as(inputs_structure(functional(model)), list(values))


def like(model: keras.Model, rebuilt: keras.Model) -> keras.Model:
    """Gives `rebuilt`, which was rebuilt from `model`, its class and its attributes; returns it.

    A model whose class has a train_step of its own keeps it so. An attribute that is a layer
    becomes the layer of that name in the new graph. Models without a class of their own are left
    as they are.
    """
    own = type(model)
    if own in OF_NO_CLASS_OF_ITS_OWN or not isinstance(model, Functional):
        return rebuilt
    if own.__module__.split(".")[0] in ("keras", "kerascnn", "export"):
        return rebuilt
    known = {*vars(rebuilt), "optimizer", "_optimizer"}
    rebuilt.__class__ = own
    by_name = {layer.name: layer for layer in rebuilt.layers}
    for name, value in vars(model).items():
        if name not in known:
            if isinstance(value, keras.Layer):
                value = by_name.get(value.name, value)
            setattr(rebuilt, name, value)
    return rebuilt

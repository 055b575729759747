"""The graph inside of layers and models of somebody's own, by a call on symbolic tensors."""

from collections.abc import Mapping
from typing import Any

import keras

from kerascnn.errors import UserError
from kerascnn.models.graph.internals import built_shapes, sublayers
from kerascnn.models.graph.walking import is_functional


def traced(model: keras.Model) -> keras.Model:
    """The graph of a model that is a class of its own, by calling it on symbolic tensors.

    Functional and sequential models are given back. The graph shares the layers of the model.

    Raises:
        UserError: what it computes is not made of Keras operations, or it is not built.
    """
    if is_functional(model):
        return model
    shapes = built_shapes(model)
    if not model.built or len(shapes) != 1 or shapes[0] is None:
        raise UserError(
            f"{model.name}: a {type(model).__name__} whose inputs are not known; call it once on "
            "data, or give keras.Model(x, model(x)), with x = keras.Input(SHAPE)"
        )
    inputs = keras.tree.map_shape_structure(
        lambda shape: keras.Input(batch_shape=(None, *shape[1:])), shapes[0]
    )
    return traced_layer(model, inputs)


def traced_layer(layer: Any, inputs: Any, kwargs: Mapping[str, Any] | None = None) -> keras.Model:
    """A functional model of what a layer does to these Keras inputs; it shares its sublayers."""
    try:
        outputs = layer.call(inputs, **(kwargs or {}))
        return keras.Model(inputs, outputs, name=layer.name)
    except Exception as error:  # whatever a call of one's own raises on symbolic tensors
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:160]
        raise UserError(
            f"{layer.name}: {type(layer).__name__}.call is not made of Keras operations "
            f"({reason}); write it with keras.layers and keras.ops, as "
            "x = keras.Input(SHAPE); y = keras.layers.Conv2D(...)(x); y = keras.ops.relu(y); "
            "model = keras.Model(x, y)"
        ) from None


def is_block(operation: keras.Operation) -> bool:
    """Whether a layer of somebody's own is a composition of Keras layers without own weights."""
    if not isinstance(operation, keras.Layer) or isinstance(operation, keras.Model):
        return False
    if type(operation).__module__.split(".")[0] == "keras":
        return False
    parts = sublayers(operation)
    inner = {id(w) for part in parts for w in part.weights}
    return bool(parts) and all(id(w) in inner for w in operation.weights)

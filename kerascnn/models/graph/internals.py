"""The private names of Keras, each behind a function: no other file of this project has one.

They may change with any release of Keras; tests/test_structure.py looks for others.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import keras
from keras.src.backend.common import global_state
from keras.src.legacy.saving.saving_options import keras_option_scope
from keras.src.legacy.saving.saving_utils import model_from_config
from keras.src.saving.serialization_lib import ObjectSharingScope, SafeModeScope
from keras.src.utils.dtype_utils import dtype_size

if TYPE_CHECKING:  # for a checker, which cannot read Keras

    class Functional(keras.Model):
        """A model that is a graph of layers."""

    class Node(keras.Operation):
        """A call of a layer in such a graph."""
else:
    from keras.src.models.functional import Functional
    from keras.src.ops.node import Node

OF_NO_CLASS_OF_ITS_OWN = (keras.Model, keras.Sequential, Functional)


def functional_or_none(model: Any) -> Functional | None:
    """The functional form of a model; None where it has none."""
    inner = model._functional if isinstance(model, keras.Sequential) else model
    return inner if hasattr(inner, "_nodes_by_depth") else None


def all_nodes(model: Functional) -> list[Node]:
    """The calls in the graph of a model, inputs first, those of its input layers among them."""
    by_depth = model._nodes_by_depth
    return [node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth]]


def producer_node(tensor: Any) -> Node | None:
    """The call that a Keras tensor came out of; None for what is no Keras tensor."""
    history = getattr(tensor, "_keras_history", None)
    return history.operation._inbound_nodes[history.node_index] if history else None


def call_arguments(node: Node, known: Mapping[int, Any]) -> tuple[tuple, dict[str, Any]]:
    """(args, kwargs) of a call, each tensor replaced by what `known` has under its id."""
    return node.arguments.fill_in(known)


def operands(node: Node) -> list[Any]:
    """What a call was given, tensors and constants alike, in one flat list."""
    return keras.tree.flatten((node.arguments.args, node.arguments.kwargs))


def inputs_structure(model: Functional) -> Any:
    """The inputs of a model in the structure that it is called with."""
    return model._inputs_struct


def outputs_structure(model: Functional) -> Any:
    """The outputs of a model in the structure that it gives."""
    return model._outputs_struct


def sublayers(layer: keras.Layer) -> list[keras.Layer]:
    """The layers that a layer or model holds itself, not those within these."""
    return list(layer._flatten_layers(include_self=False, recursive=False))


def layers_within(layer: keras.Layer) -> list[keras.Layer]:
    """A layer or model, and all layers that it holds at any depth."""
    return list(layer._flatten_layers())


def built_shapes(model: keras.Model) -> list[Any]:
    """The shapes that a model was built for, one an argument of its call."""
    return list((getattr(model, "_build_shapes_dict", None) or {}).values())


def inference(layer: keras.Operation, kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a call, with `training=False` where the layer knows it."""
    knows = getattr(layer, "_call_has_training_arg", False)
    return {**kwargs, "training": False} if knows else dict(kwargs)


def kernel_variable(layer: Any) -> Any:
    """The variable that holds a layer's kernel; of one that trains for int8, not its rounding."""
    return layer._kernel if hasattr(layer, "_kernel") else layer.kernel


def waiting_variables() -> list[keras.Variable]:
    """The variables that get their values when a `keras.StatelessScope` is left; the very list."""
    return global_state.get_global_attribute("uninitialized_variables", [], set_to_default=True)


def bytes_of(dtype: str) -> int:
    """The bytes of one number of a dtype; 1 for one of less than a byte."""
    return max(1, dtype_size(dtype) // 8)


def built(tree: dict[str, Any], *, safe_mode: bool, legacy: bool) -> None:
    """Builds the model of a saved architecture and forgets it.

    tree: what its JSON says. legacy: whether it is that of an HDF5 file.
    """
    with ObjectSharingScope():
        if legacy:
            with keras_option_scope(use_legacy_config=True), SafeModeScope(safe_mode):
                model_from_config(tree)
        else:
            tree["compile_config"] = None
            keras.saving.deserialize_keras_object(tree, safe_mode=safe_mode)

"""Walking and rebuilding functional models: the one file that uses private names of Keras.

`_nodes_by_depth` and a node's `arguments.fill_in` are not public; pyproject pins Keras for their
sake.
"""

import json
import math
import random
import sys
import warnings
from contextlib import contextmanager, suppress

import keras
import numpy as np
from keras.src.backend.common import global_state
from keras.src.legacy.saving.saving_options import keras_option_scope
from keras.src.legacy.saving.saving_utils import model_from_config
from keras.src.models.functional import Functional
from keras.src.saving.serialization_lib import ObjectSharingScope, SafeModeScope
from keras.src.utils.dtype_utils import dtype_size

from kerascnn.errors import UserError
from kerascnn.models.operations import as_layer

LAYERS_FOR_ONE = 4  # that a model may be rebuilt with, at most, for each of its own


@contextmanager
def without_weights():
    """Models built inside have shapes and parameters that can be counted, but never get weights.

    They cannot run. `keras.StatelessScope` alone puts the weights off until it is left.

    Yields:
        A function that returns the bytes which the variables made so far would take.
    """
    waiting = global_state.get_global_attribute("uninitialized_variables", [], set_to_default=True)
    before = len(waiting)
    try:
        with keras.StatelessScope(initialize_variables=False):
            yield lambda: sum(_bytes(v) for v in waiting[before:])
    finally:
        del waiting[before:]  # else the end of whatever scope comes next would make them after all


def _bytes(variable):
    return math.prod(variable.shape) * max(1, dtype_size(variable.dtype) // 8)


def needed_bytes(architecture, *, safe_mode=True, legacy=False):
    """Returns the bytes that the weights of a model take, without room being made for them.

    Args:
        architecture: the JSON of a saved model. What is wrong with it, loading it will say; then
            the weights before that count.
        safe_mode: as in `keras.models.load_model`. legacy: whether it is of an HDF5 file.
    """
    drawn = random.getstate()  # layers without a seed draw one, and will again
    try:
        with without_weights() as made, ObjectSharingScope():
            with suppress(Exception), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tree = json.loads(architecture)
                if legacy:
                    with keras_option_scope(use_legacy_config=True), SafeModeScope(safe_mode):
                        model_from_config(tree)
                else:
                    tree["compile_config"] = None
                    keras.saving.deserialize_keras_object(tree, safe_mode=safe_mode)
            return made()
    finally:
        random.setstate(drawn)


def allow_depth(number_of_layers):
    """Lets Keras walk a graph that deep: it takes one recursion a layer, and Python stops at 1000.

    Building such a model and loading it both need this; `kerascnn.training.load_model` has it.
    """
    sys.setrecursionlimit(max(sys.getrecursionlimit(), number_of_layers + 1000))


def functional(model):
    """The functional form of a model; UserError for a subclassed or an unbuilt one."""
    inner = functional_or_none(model)
    if inner is None or not hasattr(inner, "_nodes_by_depth"):
        raise UserError(
            f"{model.name}: expected a functional or a built sequential model, got a "
            f"{type(model).__name__}; its layers cannot be seen"
        )
    return inner


def is_functional(model) -> bool:
    """Whether the layers of a model can be seen."""
    return hasattr(functional_or_none(model), "_nodes_by_depth")


def functional_or_none(model):
    """The functional form of a model; None where it has none."""
    return model._functional if isinstance(model, keras.Sequential) else model


def nodes(model):
    """The calls of a model's operations, inputs first, without its input layers.

    A node has `operation`, `input_tensors` and `outputs`; a shared layer has several nodes.
    """
    by_depth = functional(model)._nodes_by_depth
    ordered = (node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth])
    return [node for node in ordered if node.operation and not node.is_input]


def consumers(model):
    """id of a tensor -> the nodes that take it."""
    found = {}
    for node in nodes(model):
        for tensor in node.input_tensors:
            found.setdefault(id(tensor), []).append(node)
    return found


def maker(tensor, *, through=()):
    """The operation that a Keras tensor came out of; None for what is no Keras tensor.

    through: classes of layers to look through, each at its first input.
    """
    history = getattr(tensor, "_keras_history", None)
    while history and isinstance(history.operation, through):
        made = history.operation._inbound_nodes[history.node_index]
        history = made.input_tensors[0]._keras_history
    return history.operation if history else None


def output_specs(node, known):
    """The symbolic outputs of a node on other inputs; `known`: id of a tensor -> its stand-in."""
    args, kwargs = node.arguments.fill_in(known)
    return keras.tree.flatten(node.operation.compute_output_spec(*args, **kwargs))


def walk(model, inputs, call):
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
        args, kwargs = node.arguments.fill_in(known)
        outputs = keras.tree.flatten(call(node, *args, **kwargs))
        known.update({id(old): new for old, new in zip(node.outputs, outputs, strict=True)})
    outputs = [known[id(x)] for x in model.outputs]
    return keras.tree.pack_sequence_as(model._outputs_struct, outputs)


def normalized(network, normalize):
    """Puts a `Normalize` in front of a network, so that it takes raw pixels, 0..255.

    The layer is called "normalize". The graph stays flat and the layers keep their names.
    """
    image = keras.Input(network.input_shape[1:], name="image")
    outputs = walk(
        network,
        rescaling(normalize)(image),
        lambda node, *args, **kwargs: node.operation(*args, **kwargs),
    )
    return keras.Model(image, outputs, name=network.name)


def rescaling(normalize):
    """The layer (pixel - mean) / std, as the scale and offset that Keras' Rescaling takes.

    normalize: `mean` and `std`, a number, a tuple of one a channel, or, of the mean, an array
    (height, width, channels).
    """
    if np.ndim(normalize.mean) == 3:
        scale = 1 / np.asarray(normalize.std, "float64")
        offset = -np.asarray(normalize.mean, "float64") * scale
        return keras.layers.Rescaling(scale.tolist(), offset.tolist(), name="normalize")
    mean, std = (list(v) if isinstance(v, tuple) else v for v in (normalize.mean, normalize.std))
    if isinstance(mean, list) or isinstance(std, list):
        count = len(mean if isinstance(mean, list) else std)
        mean, std = (v if isinstance(v, list) else [v] * count for v in (mean, std))
        scale = [1 / s for s in std]
        offset = [-m / s for m, s in zip(mean, std, strict=True)]
    else:
        scale, offset = 1 / std, -mean / std
    return keras.layers.Rescaling(scale, offset, name="normalize")


def new_inputs(model):
    """Keras inputs like those of a model, in the same structure, to rebuild it from."""
    allow_depth(LAYERS_FOR_ONE * len(functional(model)._flatten_layers()))
    return keras.tree.map_structure(
        lambda x: keras.Input(batch_shape=x.shape, dtype=x.dtype, name=x.name),
        functional(model)._inputs_struct,
    )


def output_names(model: keras.Model) -> list[str]:
    """The names of a model's outputs, in their order: the keys where they are a dict."""
    flat = functional(model)
    struct = flat._outputs_struct
    if isinstance(struct, dict) and all(keras.utils.is_keras_tensor(x) for x in struct.values()):
        return [key for key, _ in sorted(struct.items())]
    return list(getattr(model, "output_names", None) or flat.output_names)


def packed(model, values):
    """Values, one an input of a model in its order, in the structure that it is called with."""
    return keras.tree.pack_sequence_as(functional(model)._inputs_struct, list(values))


def operands(node):
    """What a call was given, tensors and constants alike, in one flat list."""
    return keras.tree.flatten((node.arguments.args, node.arguments.kwargs))


def like(model: keras.Model, made: keras.Model) -> keras.Model:
    """Gives `made`, which was rebuilt from `model`, its class and its attributes; returns it.

    A model whose class has a train_step of its own keeps it so. An attribute that is a layer
    becomes the layer of that name in the new graph. Models without a class of their own are left
    as they are.
    """
    own = type(model)
    if own in (keras.Model, keras.Sequential, Functional) or not isinstance(model, Functional):
        return made
    if own.__module__.split(".")[0] in ("keras", "kerascnn", "export"):
        return made
    known = {*vars(made), "optimizer", "_optimizer"}
    made.__class__ = own
    by_name = {layer.name: layer for layer in made.layers}
    for name, value in vars(model).items():
        if name not in known:
            if isinstance(value, keras.Layer):
                value = by_name.get(value.name, value)
            setattr(made, name, value)
    return made


def traced(model: keras.Model) -> keras.Model:
    """The graph of a model that is a class of its own, by calling it on symbolic tensors.

    Functional and sequential models are given back. The graph shares the layers of the model.

    Raises:
        UserError: what it computes is not made of Keras operations, or it is not built.
    """
    if is_functional(model):
        return model
    shapes = list((getattr(model, "_build_shapes_dict", None) or {}).values())
    if not model.built or len(shapes) != 1 or shapes[0] is None:
        raise UserError(
            f"{model.name}: a {type(model).__name__} whose inputs are not known; call it once on "
            "data, or give keras.Model(x, model(x)), with x = keras.Input(SHAPE)"
        )
    inputs = keras.tree.map_shape_structure(
        lambda shape: keras.Input(batch_shape=(None, *shape[1:])), shapes[0]
    )
    return _traced(model, inputs)


def _traced(layer, inputs, kwargs=None):
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


def is_block(operation) -> bool:
    """Whether a layer of somebody's own is a composition of Keras layers without own weights."""
    if not isinstance(operation, keras.Layer) or isinstance(operation, keras.Model):
        return False
    if type(operation).__module__.split(".")[0] == "keras":
        return False
    parts = operation._flatten_layers(include_self=False, recursive=False)
    inner = {id(w) for part in parts for w in part.weights}
    return bool(parts) and all(id(w) in inner for w in operation.weights)


def in_float32(model: keras.Model) -> keras.Model:
    """A copy of a model, with the same names and weights, that computes in float32 throughout."""
    copied, _ = canonical_pairs(model, split_activations=False, dtype="float32")
    return copied


def all_layers(layer: keras.Layer) -> list[keras.Layer]:
    """The layers inside a model or layer, at any depth, each once; a nest before its contents."""
    found: dict[int, keras.Layer] = {}
    for part in layer._flatten_layers(include_self=False, recursive=False):
        for inner in (part, *all_layers(part)):
            found.setdefault(id(inner), inner)
    return list(found.values())


def computes_in(model: keras.Model) -> set[str]:
    """The dtypes that the layers of a model compute in."""
    return {layer.compute_dtype for layer in model._flatten_layers() if layer.compute_dtype}


def canonical(model, *, split_activations=True):
    """A copy of a model, with the same weights and outputs, that graph tools find easy to read.

    Nested models are inlined, blocks that are layers of somebody's own are opened, activations
    written inside a layer (`Dense(activation=...)`) stand alone as `{layer}_{activation}`, and what
    is written with keras.ops, as `x + y`, are the layers that say the same. A layer that is shared
    stays shared. Names are
    kept; one that occurs twice gets its model's in front.
    split_activations: False leaves them inside their layers.
    """
    return canonical_pairs(model, split_activations=split_activations)[0]


def canonical_pairs(model, *, split_activations=True, dtype=None, nested=False):
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
    pairs = [(layer, twin) for layer, twin, _ in copies.made.values()]
    for layer, twin in pairs:
        twin.set_weights(layer.get_weights())
        if isinstance(layer, keras.layers.Normalization):
            twin.finalize_state()  # its constants are derived from its weights
        twin.trainable = layer.trainable
    return copied, pairs


class _Copies:
    """The copies of layers that `canonical_pairs` calls instead of them.

    made: id of a layer -> (layer, its copy, the copy of its inner activation or None).
    inlined: name of a nested model or block -> the names of the layers that came out of it.
    """

    def __init__(self, split_activations, dtype, nested):
        self.split_activations, self.dtype, self.nested = split_activations, dtype, nested
        self.made, self.names, self.inlined = {}, set(), {}
        self.models = {}  # id of a nested model -> (the model, its copy), where these stay

    def call_in(self, owner, within=()):
        """The function that `walk` calls for each node of `owner`; within: the models around it."""

        def call(node, *args, **kwargs):
            operation = node.operation
            if self.nested and isinstance(operation, keras.Model) and is_functional(operation):
                return self._nest(operation)(*args, **kwargs)
            if isinstance(operation, keras.Model) or is_block(operation):
                inner = operation
                if not is_functional(operation):
                    specs = keras.tree.map_structure(
                        lambda x: keras.Input(batch_shape=x.shape, dtype=x.dtype), args[0]
                    )
                    inner = _traced(operation, specs, kwargs)
                return walk(inner, args[0], self.call_in(operation, (*within, operation)))
            if isinstance(operation, keras.Layer):
                layer, activation = self._copy(operation, owner, within)
                outputs = layer(*args, **kwargs)
                return activation(outputs) if activation else outputs
            name = self._unique(operation.name, owner)
            made = as_layer(operation, args, kwargs, name)
            return operation(*args, **kwargs) if made is None else made

        return call

    def _nest(self, model):
        if id(model) not in self.models:
            around, self.names = self.names, set()  # it has names of its own
            inputs = new_inputs(model)
            made = keras.Model(inputs, walk(model, inputs, self.call_in(model)), name=model.name)
            made.output_names = output_names(model)
            if not model.trainable:
                made.trainable = False  # so that it can be set to True as that of the model
            self.models[id(model)] = model, like(model, made)
            self.names = around
        return self.models[id(model)][1]

    def _copy(self, layer, owner, within):
        if id(layer) not in self.made:
            config = layer.get_config()
            config["name"] = self._unique(layer.name, owner)
            if self.dtype:
                config["dtype"] = self.dtype
            activation = None
            if self.split_activations and has_inner_activation(layer):
                config["activation"] = "linear"
                name = f"{config['name']}_{layer.activation.__name__}"
                activation = activation_layer(layer.activation, self._unique(name, owner))
            self.made[id(layer)] = layer, type(layer).from_config(config), activation
            for outer in within:
                self.inlined.setdefault(outer.name, []).append(config["name"])
        return self.made[id(layer)][1:]

    def _unique(self, name, owner):
        name = name if name not in self.names else f"{owner.name}_{name}"
        while name in self.names:
            name += "_again"
        self.names.add(name)
        return name


def has_inner_activation(layer):
    """Whether a convolution, Dense or the like applies an activation of its own."""
    activation = getattr(layer, "activation", None)
    weighs = hasattr(layer, "kernel") or hasattr(layer, "pointwise_kernel")
    return weighs and activation not in (None, keras.activations.linear)


def activation_layer(function, name):
    """The layer that applies a Keras activation function."""
    if function is keras.activations.relu:
        return keras.layers.ReLU(name=name)
    if function is keras.activations.relu6:
        return keras.layers.ReLU(6.0, name=name)
    return keras.layers.Activation(function, name=name)

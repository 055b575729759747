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
from keras.src.backend.common import global_state
from keras.src.saving.serialization_lib import ObjectSharingScope
from keras.src.utils.dtype_utils import dtype_size

from kerascnn.errors import UserError

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


def needed_bytes(architecture, *, safe_mode=True):
    """Returns the bytes that the weights of a model take, without room being made for them.

    Args:
        architecture: the JSON of a saved model. What is wrong with it, loading it will say; then
            the weights before that count.
        safe_mode: as in `keras.models.load_model`.
    """
    drawn = random.getstate()  # layers without a seed draw one, and will again
    try:
        with without_weights() as made, ObjectSharingScope():
            with suppress(Exception), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tree = json.loads(architecture)
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
    inner = model._functional if isinstance(model, keras.Sequential) else model
    if inner is None or not hasattr(inner, "_nodes_by_depth"):
        raise UserError(
            f"{model.name}: expected a functional or a built sequential model, got a "
            f"{type(model).__name__}; its layers cannot be seen"
        )
    return inner


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
    """The layer (pixel - mean) / std, as the scale and offset that Keras' Rescaling takes."""
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


def operands(node):
    """What a call was given, tensors and constants alike, in one flat list."""
    return keras.tree.flatten((node.arguments.args, node.arguments.kwargs))


def canonical(model, *, split_activations=True):
    """A copy of a model, with the same weights and outputs, that graph tools find easy to read.

    Nested models are inlined, activations written inside a layer (`Dense(activation=...)`) stand
    alone as `{layer}_{activation}`, and `x + y` or `x * y` are Add and Multiply layers. A layer
    that is shared stays shared. Names are kept; one that occurs twice gets its model's in front.
    split_activations: False leaves them inside their layers.
    """
    return canonical_pairs(model, split_activations=split_activations)[0]


def canonical_pairs(model, *, split_activations=True):
    """The copy that `canonical` makes, and the list of (layer of the model, its copy)."""
    copies, names = {}, set()
    inputs = new_inputs(model)

    def unique(name, owner):
        name = name if name not in names else f"{owner.name}_{name}"
        while name in names:
            name += "_again"
        names.add(name)
        return name

    def copy(layer, owner):
        if id(layer) not in copies:
            config = layer.get_config()
            config["name"] = unique(layer.name, owner)
            activation = None
            if split_activations and has_inner_activation(layer):
                config["activation"] = "linear"
                name = f"{config['name']}_{layer.activation.__name__}"
                activation = activation_layer(layer.activation, unique(name, owner))
            copies[id(layer)] = layer, type(layer).from_config(config), activation
        return copies[id(layer)][1:]

    def call_in(owner):
        def call(node, *args, **kwargs):
            operation = node.operation
            if isinstance(operation, keras.Model):
                return walk(operation, args[0], call_in(operation))
            if isinstance(operation, keras.Layer):
                layer, activation = copy(operation, owner)
                outputs = layer(*args, **kwargs)
                return activation(outputs) if activation else outputs
            kind = {"Add": keras.layers.Add, "Multiply": keras.layers.Multiply}.get(
                type(operation).__name__
            )
            if kind and len(args) == 2 and all(keras.utils.is_keras_tensor(a) for a in args):
                return kind(name=unique(operation.name, owner))(list(args))
            return operation(*args, **kwargs)

        return call

    outputs = walk(model, inputs, call_in(model))
    copied = keras.Model(inputs, outputs, name=model.name)
    pairs = [(layer, twin) for layer, twin, _ in copies.values()]
    for layer, twin in pairs:
        twin.set_weights(layer.get_weights())
        if isinstance(layer, keras.layers.Normalization):
            twin.finalize_state()  # its constants are derived from its weights
        twin.trainable = layer.trainable
    return copied, pairs


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

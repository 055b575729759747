"""A network slid over a picture of any size, as OverFeat and VGG are evaluated.

Fully connected layers become convolutions: the first of the size of the map it flattened, the
others 1x1. What they give is a map of class scores, and its average the answer.
"""

import keras
import numpy as np
from keras import layers

from kerascnn.errors import UserError
from kerascnn.models.graph import canonical, functional, traced, walk

ANY_PLACE = (  # what does the same to each place of a map, and to the elements of a vector
    layers.Activation,
    layers.ReLU,
    layers.LeakyReLU,
    layers.ELU,
    layers.Dropout,
    layers.Identity,
)
ANY_CHANNELS = (  # the same where a place of the map is the whole vector, by its last axis
    *ANY_PLACE,
    layers.BatchNormalization,
    layers.Concatenate,
    layers.Add,
    layers.Multiply,
)


def slid(model: keras.Model) -> keras.Model:
    """Returns the model for pictures of any size: (n, H, W, C) -> (n, classes).

    On a picture of its own size it answers as the model does. A network that ends in a global
    average needs no more than an open size. Copies of the weights are made.

    Raises:
        UserError: more inputs than one image, or a layer that is tied to its size.
    """
    model = functional(canonical(traced(model)))
    shapes = [tuple(x.shape) for x in (*model.inputs, *model.outputs)]
    if [len(shape) for shape in shapes] != [4, 2]:
        raise UserError(
            f"{model.name}: expected one image and one answer a class to slide a network, got "
            f"inputs and outputs of {', '.join(map(str, shapes))}"
        )
    image = keras.Input((None, None, shapes[0][3]), name="image")
    slide = _Slide(model.name)
    (output,) = keras.tree.flatten(walk(model, image, slide.call))
    return keras.Model(image, slide.averaged(output), name=model.name)


class _Slide:
    """maps: id of a tensor that stands for a vector -> (the tensor, the size of the map that one
    vector was flattened from)."""

    def __init__(self, name):
        self.name = name
        self.maps = {}

    def call(self, node, *args, **kwargs):
        layer = node.operation
        given = [x for x in keras.tree.flatten((args, kwargs)) if keras.utils.is_keras_tensor(x)]
        if _flattens(node):
            return self._as_map(layers.Identity()(given[0]), node.input_tensors[0].shape[1:3])
        sizes = {self.maps[id(x)][1] for x in given if id(x) in self.maps}
        if isinstance(layer, layers.Reshape) and None in given[0].shape[1:]:
            raise self._tied(layer, "it counts on the size of its map")
        if not sizes:
            try:
                return layer(*args, **kwargs)
            except ValueError as error:
                raise self._tied(layer, str(error).splitlines()[0]) from None
        if len(sizes) == 1 and all(id(x) in self.maps for x in given):
            (size,) = sizes
            if isinstance(layer, layers.Dense):
                return self._as_map(_as_convolution(layer, size)(given[0]), (1, 1))
            if _is_softmax(layer) and size == (1, 1):
                return layer(self.averaged(given[0]))
            known = ANY_CHANNELS if size == (1, 1) else ANY_PLACE
            if isinstance(layer, known) and not _is_softmax(layer):
                return self._as_map(_on_maps(layer, args, kwargs), size)
        raise self._tied(layer, "it takes a flattened map")

    def averaged(self, tensor):
        """The average over a map of answers; other tensors as they are."""
        if id(tensor) not in self.maps:
            return tensor
        return layers.GlobalAveragePooling2D(name="slid_average")(tensor)

    def _as_map(self, tensor, size):
        self.maps[id(tensor)] = tensor, tuple(size)
        return tensor

    def _tied(self, layer, reason):
        return UserError(
            f"{self.name}: cannot be slid over a picture: {layer.name} ({type(layer).__name__}) "
            f"is tied to its size: {reason}; evaluate it on crops"
        )


def _flattens(node):
    """Whether a node makes one vector of a map."""
    if not isinstance(node.operation, layers.Flatten | layers.Reshape):
        return False
    before, after = node.input_tensors[0].shape, node.outputs[0].shape
    return len(before) == 4 and len(after) == 2


def _is_softmax(layer):
    if isinstance(layer, layers.Activation):
        return layer.activation is keras.activations.softmax
    return isinstance(layer, layers.Softmax)


def _on_maps(layer, args, kwargs):
    """What a layer that knew vectors, (n, channels), gives for maps, (n, H, W, channels)."""
    if not isinstance(layer, layers.BatchNormalization | layers.Concatenate):
        return layer(*args, **kwargs)
    copy = type(layer).from_config({**layer.get_config(), "axis": -1})  # of two axes: 1 is the last
    outputs = copy(*args, **kwargs)
    copy.set_weights(layer.get_weights())
    return outputs


def _as_convolution(dense, size):
    """The convolution that does at each place what a Dense layer does to a flattened map."""
    kernel, *bias = (np.asarray(w) for w in dense.get_weights())
    channels = kernel.shape[0] // (size[0] * size[1])
    convolution = layers.Conv2D(
        dense.units, size, activation=dense.activation, use_bias=dense.use_bias, name=dense.name
    )
    convolution.build((None, None, None, channels))
    convolution.set_weights([kernel.reshape(*size, channels, dense.units), *bias])
    return convolution

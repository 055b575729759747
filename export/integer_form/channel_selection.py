"""Channels in another order, or some of them, as a 1x1 convolution: int8 has no kernel for slices.

    x[..., ::-1]                                   a network of Caffe's takes blue, green, red
    ops.flip(x, -1)   ops.take(x, [2, 1, 0], -1)
    ops.stack([x[..., i] for i in (2, 1, 0)], -1)
    Concatenate()([x[..., 2:], x[..., :2]])

Its kernel of ones and zeros is exact in int8, and takes in the means that are subtracted behind it.
"""

from collections.abc import Sequence

import keras
import numpy as np
from keras import layers

from kerascnn.models.graph import new_inputs, nodes, walk

from .constant_layers import on_image
from .operations import is_excluded

SELECTING = ("GetItem", "Flip", "Take", "Stack", "Concatenate")
SIDE = 7  # of an axis of any size, to try an operation on
POSITIONS = 4999  # that are told apart; times the channels it stays a whole number in float32


def select_by_convolutions(model: keras.Model, *, exclude: Sequence[str] = ()) -> keras.Model:
    """Rewrites operations that give channels of one tensor, whole and in some order.

    Args:
        model: what `canonical` gave.
        exclude: shell patterns of the names of operations that stay as they are.

    Returns:
        A model of the same inputs, outputs and names; the same model where it has none. The
        convolutions are not trainable.
    """
    found = _selections(model, exclude)
    if not found:
        return model
    tensors, inputs = {}, new_inputs(model)
    tensors.update(zip(map(id, model.inputs), keras.tree.flatten(inputs), strict=True))

    def call(node, *args, **kwargs):
        if id(node) in found:
            source, channels = found[id(node)]
            outputs = [_selected(tensors[id(source)], channels, node.operation.name)]
        else:
            outputs = keras.tree.flatten(node.operation(*args, **kwargs))
        tensors.update({id(old): new for old, new in zip(node.outputs, outputs, strict=True)})
        return outputs

    return keras.Model(inputs, walk(model, inputs, call), name=model.name)


def _selections(model, exclude):
    """id of a node -> (the tensor it takes channels of, their numbers)."""
    sources, found = {}, {}  # source: of a tensor that is a part of another
    for node in nodes(model):
        if type(node.operation).__name__ not in SELECTING or is_excluded(node.operation, exclude):
            continue
        taken = {id(sources.get(id(x), x)): sources.get(id(x), x) for x in node.input_tensors}
        if len(taken) != 1:
            continue
        (source,) = taken.values()
        channels = _channels(source, node.outputs[0])
        if channels is not None:
            found[id(node)] = source, channels
        sources[id(node.outputs[0])] = source
    return found


def _channels(source, tensor):
    """The numbers of the channels of `source` that `tensor` is, as a trial shows; else None."""
    if len(source.shape) != len(tensor.shape) or source.shape[-1] is None:
        return None
    shape = [SIDE + axis if n is None else n for axis, n in enumerate(source.shape[1:])]
    places = np.arange(np.prod(shape[:-1], dtype=int)) % POSITIONS
    count = shape[-1]
    trial = (places[:, None] * count + np.arange(count)).reshape(1, *shape)
    given = keras.Model(source, tensor)(trial.astype(source.dtype))
    given = np.rint(keras.ops.convert_to_numpy(given)).astype(int)
    channels = given.reshape(-1, given.shape[-1])[0] % count
    same = given.shape[:-1] == trial.shape[:-1] and (given == trial[..., channels]).all()
    return channels.tolist() if same else None


def _selected(x, channels, name):
    count = x.shape[-1]
    if channels == list(range(count)):
        return x
    kernel = np.zeros((1, 1, count, len(channels)), "float32")
    kernel[0, 0, channels, np.arange(len(channels))] = 1
    convolution = layers.Conv2D(len(channels), 1, use_bias=False, name=name)
    y = on_image(convolution, x, name)
    convolution.set_weights([kernel])
    convolution.trainable = False
    return y

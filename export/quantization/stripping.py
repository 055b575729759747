"""Back to a plain model: `export.strip`."""

import keras

from kerascnn.models.copying import copied
from kerascnn.models.graph import like, new_inputs, output_names, traced, walk

from .fake_quant import FakeQuant
from .quantized_layers import QuantizedKernel, is_int8

OURS = "export"


def strip(model: keras.Model) -> keras.Model:
    """A plain float copy of a model that was pruned, clustered or quantized; the one given stays.

    Zeros and shared values are in its weights, but nothing holds them: there is no constraint
    but those that the owner gave its layers, no rounding, no layer but those of Keras and of the
    owner. Of a quantized model it has the weights behind the rounding, so that training can go on
    in float; it stays flat, as quantizing made it.

    Args:
        model: functional, sequential, or a class of its own that is made of Keras operations.

    Returns:
        A `keras.Model` of the same names and class, not compiled.
    """
    model = traced(model)
    if not is_int8(model):
        return copied(model)
    copies = {}

    def call(node, *args, **kwargs):
        layer = node.operation
        if isinstance(layer, FakeQuant):
            return args[0]
        if not isinstance(layer, keras.Layer):
            return layer(*args, **kwargs)
        if id(layer) not in copies:
            copies[id(layer)] = layer, _plain(layer)
        return copies[id(layer)][1](*args, **kwargs)

    inputs = new_inputs(model)
    plain = keras.Model(inputs, walk(model, inputs, call), name=model.name)
    for layer, copy in copies.values():
        copy.set_weights(layer.get_weights()[: len(copy.weights)])  # a state of ours may follow
        copy.trainable = layer.trainable
        if isinstance(copy, keras.layers.Normalization):
            copy.finalize_state()
    plain.output_names = output_names(model)
    return like(model, plain)


def _plain(layer):
    """A layer of the class that one of ours was made from, without weights yet."""
    kind = next(
        kind
        for kind in type(layer).__mro__
        if kind is not QuantizedKernel and kind.__module__.split(".")[0] != OURS
    )
    config = layer.get_config()
    if isinstance(layer, QuantizedKernel):
        del config["per_channel"], config["rounds"]
    return kind.from_config(config)

"""The float network inside a simulation of int8."""

import keras

from kerascnn.models.graph import new_inputs, walk

from .fake_quant import FakeQuant
from .folded_normalization import FoldedBatchNormalization
from .quantized_activations import QuantizedPReLU
from .quantized_layers import QUANTIZED, QuantizedKernel


def unrounded(simulated: keras.Model) -> keras.Model:
    """The float network inside a simulation: same names and weights, no rounding.

    It stands in the operations of `integer_form`.
    """
    copies = {}

    def call(node, *args, **kwargs):
        layer = node.operation
        if isinstance(layer, FakeQuant):
            return args[0]
        if id(layer) not in copies:
            copies[id(layer)] = layer, _float_copy(layer)
        return copies[id(layer)][1](*args, **kwargs)

    inputs = new_inputs(simulated)
    model = keras.Model(inputs, walk(simulated, inputs, call), name=simulated.name)
    for layer, copy in copies.values():
        if hasattr(layer, "weights"):
            copy.set_weights(layer.get_weights()[: len(copy.weights)])
            copy.trainable = layer.trainable
    return model


def _float_copy(layer):
    if isinstance(layer, QuantizedKernel):
        return float_layer(layer)
    if isinstance(layer, FoldedBatchNormalization):
        return keras.layers.BatchNormalization.from_config(layer.get_config())
    if isinstance(layer, QuantizedPReLU):
        return keras.layers.PReLU.from_config(layer.get_config())
    # An operation of Keras that is no layer has nothing to copy.
    return type(layer).from_config(layer.get_config()) if hasattr(layer, "weights") else layer


def float_layer(layer: keras.Layer) -> keras.Layer:
    """The ordinary Keras layer of a quantized one, not built yet."""
    base = next(base for base, kind in QUANTIZED.items() if kind is type(layer))
    return base.from_config(base.get_config(layer))

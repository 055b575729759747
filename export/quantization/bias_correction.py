"""Biases that take back what rounding shifts.

Rounded kernels move the mean of a layer's outputs, channel by channel, and the next layers carry
that on. The mean is known from a few images, and a bias can hold it (Nagel et al.,
arXiv:1906.04721, section 4.2 and appendix D, the empirical form).
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops

from kerascnn.models.graph import consumers, inference, nodes, walk

from .fake_quant import FakeQuant
from .float_form import float_layer
from .folded_normalization import normalization_behind
from .quantized_layers import QuantizedKernel

CORRECTION_IMAGES = 256
MEMORY = 2e8  # values of all the outputs of a network, 1.6 GB with both sides


def correct_biases(model: keras.Model, inputs: Sequence[np.ndarray]) -> None:
    """Moves each bias of a calibrated simulation so that its outputs have their float mean.

    Inputs first, each layer with those before it corrected already. The bias is the layer's own,
    or the beta of the batch normalization that is folded into it; a layer without either, or one
    called several times, stays as it is.

    Args:
        model: what `quantize` gave, calibrated. Changed in place.
        inputs: an array, (n, ...), an input. The outputs of all layers are held at once, so that
            of a large network fewer samples are taken.
    """
    each = sum(math.prod(node.outputs[0].shape[1:]) for node in nodes(model))
    most = max(8, int(MEMORY / each))
    consumers_of = consumers(model)
    calls = Counter(id(node.operation) for node in nodes(model))
    float_layers, holders = {}, set()  # holders: of the bias of the convolution before them

    def call(node, *args, **kwargs):
        layer = node.operation
        both: Any = _call_both(layer, float_layers, args, kwargs)
        if not isinstance(layer, QuantizedKernel):
            bias = layer.beta if id(layer) in holders and layer.center else None
        else:
            if folded := normalization_behind(node, consumers_of):
                holders.add(id(folded.operation))
                return both
            bias = layer.bias if layer.use_bias else None
        if bias is None or calls[id(layer)] > 1:
            return both
        shift = ops.mean(both.exact - both.rounded, axis=tuple(range(len(both.exact.shape) - 1)))
        bias.assign(bias + shift)
        return _Both(both.exact, both.rounded + shift)

    given = [ops.convert_to_tensor(x[:most], "float32") for x in inputs]
    walk(model, [_Both(x, x) for x in given], call)


@dataclass(frozen=True)
class _Both:
    """What stands for a tensor: its value in the float network, and in the simulation."""

    exact: Any
    rounded: Any


def _call_both(layer, float_layers, args, kwargs):
    """Calls a layer of the simulation on the rounded values, its float layer on the exact ones.

    float_layers: of the layers met, by their id; they keep the biases from before the correction.
    """
    if isinstance(layer, FakeQuant):
        (both,) = args
        return _Both(both.exact, layer(both.rounded, **inference(layer, kwargs)))

    def side(name):
        return keras.tree.map_structure(
            lambda x: getattr(x, name) if isinstance(x, _Both) else x, (args, kwargs)
        )

    exact = layer
    if isinstance(layer, QuantizedKernel):
        if id(layer) not in float_layers:
            float_layers[id(layer)] = float_layer(layer)
            float_layers[id(layer)].build(keras.tree.flatten(side("exact")[0])[0].shape)
            float_layers[id(layer)].set_weights(layer.get_weights())
        exact = float_layers[id(layer)]
    outputs = []
    for kind, name in ((exact, "exact"), (layer, "rounded")):
        given, named = side(name)
        outputs.append(keras.tree.flatten(kind(*given, **inference(layer, named))))
    both = [_Both(*pair) for pair in zip(*outputs, strict=True)]
    return both if len(both) > 1 else both[0]

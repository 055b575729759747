"""Constants of stochastic depth and of means, as a part of the normalizations in front.

    survival * BN(x)                       BN with gamma and beta times the survival
    mean of relu(BN_1(x)), relu(BN_2(y))   sum of the same, gamma and beta halved

A factor passes a ReLU, a maximum and what does something in training only.
"""

from collections import Counter
from collections.abc import Sequence

import keras
import numpy as np
from keras import layers

import kerascnn.layers as ours
from kerascnn.errors import required
from kerascnn.models.graph import consumers, nodes

from .operations import TRAINING_ONLY

MEANS = (layers.Average, ours.FractalJoin)
PASSED = (
    *TRAINING_ONLY,
    layers.LeakyReLU,
    layers.MaxPooling1D,
    layers.MaxPooling2D,
    ours.CeilMaxPooling2D,
)


def absorbed_scalings(model: keras.Model) -> tuple[set[str], dict[str, float]]:
    """Which normalizations can take a constant in.

    Args:
        model: what `canonical` gave.

    Returns:
        (names of the layers that leave their constant to those in front,
        name of a BatchNormalization -> its factor)
    """
    producers = {id(x): node for node in nodes(model) for x in node.outputs}
    consumers_of = consumers(model)
    ends = {id(x) for x in model.outputs}
    calls = Counter(node.operation.name for node in nodes(model))

    def normalization(x):
        """The normalization that scales x and nothing else, or None."""
        while id(x) in producers and len(consumers_of[id(x)]) == 1 and id(x) not in ends:
            layer = producers[id(x)].operation
            if calls[layer.name] > 1:
                return None
            if isinstance(layer, layers.BatchNormalization):
                return layer if layer.scale else None
            if not _passes(layer):
                return None
            x = producers[id(x)].input_tensors[0]
        return None

    absorbed, factors = set(), {}
    for node in nodes(model):
        layer = node.operation
        if not isinstance(layer, (ours.StochasticDepth, *MEANS)) or calls[layer.name] > 1:
            continue
        parts = [
            x
            for x in node.input_tensors
            if not (
                id(x) in producers and isinstance(producers[id(x)].operation, ours.FractalColumn)
            )
        ]
        found = [normalization(x) for x in parts]
        if None not in found:
            absorbed.add(layer.name)
            factor = 1 / len(parts) if isinstance(layer, MEANS) else layer.survival
            factors.update((required(normalization).name, factor) for normalization in found)
    return absorbed, factors


def _passes(layer):
    """Whether f(s x) = s f(x), for s > 0."""
    if isinstance(layer, layers.ReLU):
        return layer.max_value is None and layer.threshold == 0
    if isinstance(layer, layers.Activation):
        return layer.activation in (keras.activations.relu, keras.activations.linear)
    return isinstance(layer, PASSED)


def scaled(layer: keras.Layer, weights: Sequence[np.ndarray], factor: float) -> list[np.ndarray]:
    """The weights of a BatchNormalization whose outputs are multiplied by a factor."""
    moved = layer.scale + layer.center
    return [w * factor if i < moved else w for i, w in enumerate(weights)]

"""How near a simulation of int8 comes to itself, where its sums are made in another order.

float32 sums in another order differ by a unit in the last place, and once in some ten thousand
times that turns a rounding. Most networks forget it. In some it grows from layer to layer until
outputs are steps away, of the file as of the simulation: no file can be nearer to its simulation
than that is to itself.
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from kerascnn.evaluation import predictions
from kerascnn.models.graph import new_inputs, walk

from ..quantization.fake_quant import FakeQuant


def strayed(
    model: keras.Model,
    inputs: Sequence[np.ndarray],
    outputs: Sequence[np.ndarray],
    steps: Sequence[float],
) -> list[np.ndarray]:
    """How many steps each output moves if all activations are nudged, arrays (n, ...).

    Before it is rounded, each activation moves by 2^-24 of its range, up or down.

    Args:
        model: a simulation of int8.
        inputs: an array, (n, ...), an input.
        outputs: what the model gives for them, a list of arrays (n, ...).
        steps: of these outputs, in their units.
    """
    found = predictions(nudged(model), inputs)
    rows = zip(found, outputs, steps, strict=True)
    return [np.abs(np.rint(a / s) - np.rint(b / s)) for a, b, s in rows]


def nudged(model: keras.Model) -> keras.Model:
    """The same simulation with every activation moved before it is rounded."""
    inputs = new_inputs(model)

    def call(node, *args, **kwargs):
        rounder = node.operation
        if isinstance(rounder, FakeQuant) and kwargs.get("index", 0) is not None:
            unit = float(rounder.maximum - rounder.minimum) * 2.0**-24
            args = (Nudge(unit)(args[0]), *args[1:])
        return rounder(*args, **kwargs)

    return keras.Model(inputs, walk(model, inputs, call))


class Nudge(layers.Layer):
    """Moves every number by `unit`, up or down as if at random.  (...) -> (...)"""

    def __init__(self, unit: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.unit = unit

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        return inputs + self.unit * ops.sign(ops.sin(54321.0 * inputs))

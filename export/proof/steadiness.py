"""How near a simulation of int8 comes to itself, where its sums are made in another order.

float32 sums in another order differ by a unit in the last place, and once in some ten thousand
times that turns a rounding. Most networks forget it. In some it grows from layer to layer until
outputs are steps away, of the file as of the simulation: no file can be nearer to its simulation
than that is to itself.
"""

from contextlib import contextmanager

import keras
import numpy as np

from ..quantization.quantized_layers import FakeQuant

BATCH = 64


def steadiness(model, inputs, outputs, steps):
    """The shares of the outputs that stay within a step if all activations are nudged.

    Before it is rounded, each activation moves by 2^-24 of its range, up or down.

    Args:
        model: a simulation of int8.
        inputs: (n, ...).
        outputs: what the model gives for them, a list of arrays (n, ...).
        steps: of these outputs, in their units.
    """
    with _nudged(model):
        nudged = keras.Model(model.inputs, model.outputs)  # what `model` has compiled, it keeps
        found = nudged.predict(inputs.astype("float32"), batch_size=BATCH, verbose=0)
    found = keras.tree.flatten(found)
    rows = zip(found, outputs, steps, strict=True)
    return [float((np.abs(np.rint(a / s) - np.rint(b / s)) <= 1).mean()) for a, b, s in rows]


@contextmanager
def _nudged(model):
    rounders = [layer for layer in model.layers if isinstance(layer, FakeQuant)]
    for rounder in rounders:
        rounder.nudges = True
    try:
        yield
    finally:
        for rounder in rounders:
            rounder.nudges = False

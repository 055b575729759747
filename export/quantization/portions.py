"""Images by portions: as many at a time as all that a network makes of them fits in memory.

Run layer by layer, or for what every layer gives, a network holds all of that at once: 64 images
through a ResNet-50 that simulates int8 would take 20 GB at 224 pixels.
"""

import math
from collections.abc import Iterable, Iterator
from typing import Any

import keras
import numpy as np

from kerascnn.models.graph import nodes

MEMORY = 2**31  # bytes, of float32 activations


def portions(model: keras.Model, batches: Iterable[Any]) -> Iterator[list[np.ndarray]]:
    """Cuts batches of inputs into parts of which `model` may keep all it makes.

    Args:
        model: functional. Sides that it leaves open are taken for those of the inputs.
        batches: of (n, ...), or of a structure of such, one an input.

    Yields:
        Lists of arrays, one an input.
    """
    shapes = [x.shape[1:] for node in nodes(model) for x in node.outputs]
    for batch in batches:
        inputs = [np.asarray(x) for x in keras.tree.flatten(batch)]
        side = max((n for x in inputs for n in x.shape[1:]), default=1)
        values = sum(math.prod(n or side for n in shape) for shape in shapes)
        at_once = max(1, MEMORY // (4 * max(1, values)))
        for start in range(0, len(inputs[0]), at_once):
            yield [x[start : start + at_once] for x in inputs]

"""Images by portions: as many at a time as all that a network makes of them fits in memory.

Run layer by layer, or for what every layer gives, a network holds all of that at once: 64 images
through a ResNet-50 that simulates int8 would take 20 GB at 224 pixels.
"""

import math

import numpy as np

from kerascnn.models.graph import nodes

MEMORY = 2**31  # bytes, of float32 activations


def portions(model, images):
    """Cuts images, (n, height, width, channels), into parts of which `model` may keep all it makes.

    Sides that the model leaves open are taken for those of the images.
    """
    images = np.asarray(images)
    side = max(images.shape[1:])
    shapes = [x.shape[1:] for node in nodes(model) for x in node.outputs]
    values = sum(math.prod(n or side for n in shape) for shape in shapes)
    at_once = max(1, MEMORY // (4 * values))
    for start in range(0, len(images), at_once):
        yield images[start : start + at_once]

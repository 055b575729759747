"""State dicts of any network, drawn: the same on every machine and in every process.

A record needs the names and shapes only. NumPy keeps the numbers of RandomState as they are.
"""

import zlib

import numpy as np


def draw(shapes):
    """Tensors by name, of the given shapes, such that signals neither die nor explode."""
    return {name: tensor(name, tuple(shape)) for name, shape in shapes.items()}


def tensor(name, shape):
    """One tensor of a state dict: its name says which."""
    random = np.random.RandomState(zlib.crc32(name.encode()))
    if name.endswith("num_batches_tracked"):
        return np.array(7)
    if name.endswith("running_var"):
        low, high = 0.5, 1.5
    elif len(shape) > 1:  # He's bound: as much comes out of a convolution as went in
        high = (6 / np.prod(shape[1:])) ** 0.5
        low = -high
    elif name.endswith("weight"):
        low, high = 0.8, 1.2
    else:
        low, high = -0.1, 0.1
    return random.uniform(low, high, shape).astype("float32")


def pixels(size):
    """One image of random pixels, (1, size, size, 3), 0..255."""
    return np.random.RandomState(size).randint(0, 256, (1, size, size, 3)).astype("float32")

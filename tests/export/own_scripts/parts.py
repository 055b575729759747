"""Images and labels that several scripts train on, made as their data sets would give them."""

import numpy as np

COUNT = 96


def pixels(side=16, channels=3, seed=0):
    """Raw pixels, float32 0..255, smooth as photographs are: (n, side, side, channels)."""
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(0, 255, (COUNT, side // 4, side // 4, channels))
    fine = coarse.repeat(4, 1).repeat(4, 2) + rng.normal(0, 20, (COUNT, side, side, channels))
    return fine.clip(0, 255).round().astype("float32")


def floats(side=16, channels=3, seed=0):
    """The same in -1..1."""
    return pixels(side, channels, seed) / 127.5 - 1


def classes(x, count=4):
    """A class that can be learned: how bright an image is, in quarters."""
    means = x.reshape(len(x), -1).mean(1)
    return np.searchsorted(np.quantile(means, np.arange(1, count) / count), means)

"""Images and labels that several scripts train on, made as their data sets would give them."""

import keras
import numpy as np

from benchmarks.signal_weights import carry_signal, photographs

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


def transfer(name, side):
    """A network of keras.applications under a new head, which tells photographs apart as one that
    was trained does: drawn weights answer all of them alike, and such outputs agree by themselves.
    """
    keras.utils.set_random_seed(0)
    base = getattr(keras.applications, name)(
        input_shape=(side, side, 3), include_top=False, weights=None, pooling="avg"
    )
    made = keras.Model(base.input, keras.layers.Dense(4, name="head")(base.output))
    carry_signal(made, photographs((side, side, 3), COUNT // 2))
    return made


def photos(side):
    """(raw pixels, float32 0..255, of crops of two photographs; the class of each)."""
    x = photographs((side, side, 3), COUNT).astype("float32")
    return x, classes(x)

"""Raw pixels as the input: a normalization in front of a network."""

from typing import Any, Protocol

import keras
import numpy as np

from kerascnn.models.graph.walking import walk


class Scaled(Protocol):
    """What says how pixels are scaled: a `Preprocessing`, or the `Normalization` of data.

    mean, std: as `rescaling` takes them.
    """

    @property
    def mean(self) -> Any: ...

    @property
    def std(self) -> Any: ...


def normalized(network: keras.Model, normalize: Scaled) -> keras.Model:
    """Puts a `Normalize` in front of a network, so that it takes raw pixels, 0..255.

    The layer is called "normalize". The graph stays flat and the layers keep their names.
    """
    image = keras.Input(network.input_shape[1:], name="image")
    outputs = walk(
        network,
        rescaling(normalize)(image),
        lambda node, *args, **kwargs: node.operation(*args, **kwargs),
    )
    return keras.Model(image, outputs, name=network.name)


def rescaling(normalize: Scaled) -> keras.layers.Rescaling:
    """The layer (pixel - mean) / std, as the scale and offset that Keras' Rescaling takes.

    normalize: `mean` and `std`, a number, a tuple of one a channel, or, of the mean, an array
    (height, width, channels).
    """
    if np.ndim(normalize.mean) == 3:
        scale = 1 / np.asarray(normalize.std, "float64")
        offset = -np.asarray(normalize.mean, "float64") * scale
        return keras.layers.Rescaling(scale.tolist(), offset.tolist(), name="normalize")
    mean, std = (list(v) if isinstance(v, tuple) else v for v in (normalize.mean, normalize.std))
    if isinstance(mean, list) or isinstance(std, list):
        count = len(mean if isinstance(mean, list) else std)
        mean, std = (v if isinstance(v, list) else [v] * count for v in (mean, std))
        scale = [1 / s for s in std]
        offset = [-m / s for m, s in zip(mean, std, strict=True)]
    else:
        scale, offset = 1 / std, -mean / std
    return keras.layers.Rescaling(scale, offset, name="normalize")

"""An image of pixels and a row of numbers, one of them in the thousands."""

import keras
import numpy as np
from keras import layers

from .parts import COUNT, pixels

COMPILE = {"optimizer": "adam", "loss": "mse"}


def model():
    image = keras.Input((16, 16, 3), name="image")
    numbers = keras.Input((5,), name="numbers")
    x = layers.Rescaling(1 / 127.5, -1)(image)
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(8, 3, activation="relu")(x))
    y = layers.Dense(8, activation="relu")(numbers)
    return keras.Model([image, numbers], layers.Dense(2)(layers.Concatenate()([x, y])))


def data():
    rng = np.random.default_rng(1)
    numbers = rng.normal(0, 1000, (COUNT, 5)).astype("float32")
    return {"image": pixels(), "numbers": numbers}, numbers[:, :2] / 1000

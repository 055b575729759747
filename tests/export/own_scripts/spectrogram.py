"""Spectrograms in decibels, normalized by a layer that was adapted to them."""

import keras
import numpy as np
from keras import layers

from .parts import COUNT, classes

COMPILE = {"optimizer": "adam", "loss": "sparse_categorical_crossentropy"}


def model():
    normalization = layers.Normalization(axis=-1)
    normalization.adapt(data()[0])
    spectrum = keras.Input((32, 20))
    x = layers.Reshape((32, 20, 1))(normalization(spectrum))
    x = layers.Conv2D(8, 3, activation="relu")(x)
    x = layers.DepthwiseConv2D(3, activation="relu")(x)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(spectrum, layers.Dense(4, activation="softmax")(x))


def data():
    rng = np.random.default_rng(3)
    loudness = rng.uniform(-60, -10, (COUNT, 1, 1))
    x = (loudness + rng.normal(0, 6, (COUNT, 32, 20))).astype("float32")
    return x, classes(x)

"""Layers that int8 has no rule for: they stay float, between roundings."""

import keras
from keras import layers

import kerascnn.layers as more

from .parts import classes, floats

COMPILE = {
    "optimizer": "adam",
    "loss": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
}


def model():
    image = keras.Input((16, 16, 3))
    x = layers.Conv2D(8, 3, padding="same", activation="relu")(image)
    x, indices = more.MaxPoolingWithIndices2D()(x)
    x = more.MaxUnpooling2D()(layers.Conv2D(8, 3, padding="same")(x), indices)
    x = layers.UnitNormalization()(more.DeformableConv2D(8, 3)(x))
    x = layers.Flatten()(more.UnsharedConv2D(2, 3)(x))
    return keras.Model(image, layers.Dense(4)(x))


def data():
    x = floats()
    return x, classes(x)

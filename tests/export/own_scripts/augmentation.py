"""Augmentation as layers, which files must not have and the training must keep."""

import keras
from keras import layers

from .parts import classes, pixels

COMPILE = {
    "optimizer": "adam",
    "loss": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
}


def model():
    image = keras.Input((16, 16, 3))
    x = layers.RandomRotation(0.1)(layers.RandomFlip("horizontal")(image))
    x = layers.GaussianNoise(0.05)(layers.Rescaling(1 / 127.5, -1)(x))
    x = layers.Conv2D(8, 3, activation="relu")(x)
    x = layers.SpatialDropout2D(0.1)(layers.Conv2D(8, 3, activation="relu")(x))
    return keras.Model(image, layers.Dense(4)(layers.GlobalAveragePooling2D()(x)))


def data():
    x = pixels()
    return x, classes(x)

"""Transfer: a frozen backbone, called with training=False, under a new head."""

import keras
from keras import layers

from .parts import classes, pixels

COMPILE = {
    "optimizer": "adam",
    "loss": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
}


def backbone():
    image = keras.Input((16, 16, 3))
    x = image
    for number in range(2):
        x = layers.Conv2D(8, 3, padding="same", use_bias=False, name=f"conv{number}")(x)
        x = layers.ReLU(name=f"relu{number}")(layers.BatchNormalization(name=f"bn{number}")(x))
    return keras.Model(image, x, name="backbone")


def model():
    base = backbone()
    base.trainable = False
    image = keras.Input((16, 16, 3))
    x = base(layers.Rescaling(1 / 127.5, -1)(image), training=False)
    return keras.Model(image, layers.Dense(4)(layers.GlobalAveragePooling2D()(x)))


def data():
    x = pixels()
    return x, classes(x)

"""Images of any size, shared layers, squeeze and excitation, hard swish."""

import keras
from keras import layers

from .parts import classes, floats

COMPILE = {
    "optimizer": "adam",
    "loss": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
}


def model():
    image = keras.Input((None, None, 3))
    shared = layers.Conv2D(8, 3, padding="same", activation="relu")
    x = shared(shared(layers.Conv2D(8, 1)(image)))
    weights = layers.GlobalAveragePooling2D(keepdims=True)(x)
    weights = layers.Conv2D(4, 1, activation="relu")(weights)
    weights = layers.Conv2D(8, 1, activation="hard_sigmoid")(weights)
    x = layers.Activation("hard_swish")(layers.Multiply()([x, weights]))
    return keras.Model(image, layers.Dense(4)(layers.GlobalAveragePooling2D()(x)))


def data():
    x = floats()
    return x, classes(x)

"""Mixed precision, as on a GPU: computes in half precision, keeps float32 weights."""

import keras
from keras import layers

from .parts import classes, floats

COMPILE = {
    "optimizer": "adam",
    "loss": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
}


def model():
    half = {"dtype": "mixed_float16"}
    image = keras.Input((16, 16, 3))
    x = layers.Conv2D(8, 3, use_bias=False, **half)(image)
    x = layers.ReLU(**half)(layers.BatchNormalization(**half)(x))
    x = layers.GlobalAveragePooling2D(**half)(layers.Conv2D(8, 3, **{"dtype": "mixed_bfloat16"})(x))
    return keras.Model(image, layers.Dense(4, dtype="float32")(x))


def data():
    x = floats()
    return x, classes(x)

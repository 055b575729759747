"""ConvNeXt in small: LayerNormalization, GELU, a scale of its own in each block."""

import keras
from keras import layers

from .parts import classes, floats

COMPILE = {
    "optimizer": "adam",
    "loss": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
}


def model():
    image = keras.Input((16, 16, 3))
    x = layers.LayerNormalization(epsilon=1e-6)(layers.Conv2D(8, 4, strides=4)(image))
    for _ in range(2):
        y = layers.DepthwiseConv2D(3, padding="same")(x)
        y = layers.LayerNormalization(epsilon=1e-6)(y)
        y = layers.Dense(8)(layers.Activation("gelu")(layers.Dense(32)(y)))
        x = layers.Add()([x, y])
    x = layers.LayerNormalization(epsilon=1e-6)(layers.GlobalAveragePooling2D()(x))
    return keras.Model(image, layers.Dense(4)(x))


def data():
    x = floats()
    return x, classes(x)

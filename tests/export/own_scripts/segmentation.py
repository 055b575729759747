"""A small U-Net: pixels in, a mask of logits out."""

import keras
from keras import layers

from .parts import pixels

COMPILE = {
    "optimizer": "adam",
    "loss": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
}


def model():
    image = keras.Input((16, 16, 3))
    x = layers.Rescaling(1 / 255)(image)
    wide = layers.Conv2D(8, 3, padding="same", activation="relu")(x)
    x = layers.Conv2D(16, 3, padding="same", activation="relu")(layers.MaxPooling2D()(wide))
    up = layers.Conv2DTranspose(8, 2, strides=2)(x)
    x = layers.Concatenate()([layers.UpSampling2D(interpolation="bilinear")(x), up, wide])
    x = layers.Conv2D(8, 3, padding="same", activation="relu")(x)
    return keras.Model(image, layers.Conv2D(2, 1, name="mask")(x))


def data():
    x = pixels()
    return x, (x.mean(-1) > 128).astype("int32")

"""Blocks as layers of one's own, composed of Keras layers and keras.ops."""

import keras
from keras import layers, ops

from .parts import classes, floats

COMPILE = {
    "optimizer": "adam",
    "loss": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
}


@keras.saving.register_keras_serializable(package="own_scripts")
class Residual(layers.Layer):
    def __init__(self, filters, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.first = layers.Conv2D(filters, 3, padding="same", use_bias=False)
        self.norm = layers.BatchNormalization()
        self.second = layers.Conv2D(filters, 3, padding="same")
        self.project = layers.Conv2D(filters, 1)

    def call(self, x, training=False):
        y = ops.relu(self.norm(self.first(x), training=training))
        return ops.relu(self.second(y) + self.project(x))

    def get_config(self):
        return {**super().get_config(), "filters": self.filters}


def model():
    image = keras.Input((16, 16, 3))
    x = Residual(8)(image)
    x = layers.AveragePooling2D(2)(Residual(16)(x))
    return keras.Model(image, layers.Dense(4)(ops.mean(x, axis=(1, 2))))


def data():
    x = floats()
    return x, classes(x)

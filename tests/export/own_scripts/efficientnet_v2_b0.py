"""EfficientNetV2B0 with a new head."""

import keras

from .parts import photos, transfer

COMPILE = {
    "optimizer": keras.optimizers.SGD(1e-4),
    "loss": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
}


def model():
    return transfer("EfficientNetV2B0", 32)


def data():
    return photos(32)

"""Sensor readings over time, through one-dimensional convolutions."""

import keras
import numpy as np
from keras import layers

from .parts import COUNT

COMPILE = {
    "optimizer": "adam",
    "loss": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
}


def model():
    readings = keras.Input((64, 6))
    x = layers.Conv1D(8, 5, padding="causal", activation="relu")(readings)
    x = layers.MaxPooling1D()(layers.BatchNormalization()(x))
    x = layers.GlobalAveragePooling1D()(layers.Conv1D(16, 3, activation="relu")(x))
    return keras.Model(readings, layers.Dense(3)(x))


def data():
    rng = np.random.default_rng(2)
    y = rng.integers(0, 3, COUNT)
    time = np.linspace(0, 6, 64)
    waves = np.sin(time[None, :, None] * (y[:, None, None] + 1) + rng.uniform(0, 6, (COUNT, 1, 6)))
    return (9.81 * waves + rng.normal(0, 1, (COUNT, 64, 6))).astype("float32"), y

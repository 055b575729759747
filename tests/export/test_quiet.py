"""What stays silent: nobody has to read what others log about models that we build."""

import logging

import keras
import numpy as np
from keras import layers

from kerascnn import export

PIXELS = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 3)).astype("float32")


def network(filters):
    image = keras.Input((8, 8, 3))
    x = layers.Conv2D(filters, 3, activation="relu")(layers.Rescaling(1 / 255)(image))
    return keras.Model(image, layers.Dense(3)(layers.Flatten()(x)))


def test_delivering_many_models_is_not_called_retracing(tmp_path):
    """TensorFlow counts the predict functions of all models as those of one."""
    said = []
    handler = logging.Handler()
    handler.emit = lambda record: said.append(record.getMessage())
    logging.getLogger("tensorflow").addHandler(handler)
    try:
        for number in range(6):
            quantized = export.quantize(network(number + 2), PIXELS)
            export.deliver(quantized, [tmp_path / f"{number}.tflite"], evidence=PIXELS)
            export.debug(quantized, PIXELS)
    finally:
        logging.getLogger("tensorflow").removeHandler(handler)
    assert not [text for text in said if "retracing" in text]

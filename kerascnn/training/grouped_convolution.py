"""Grouped convolutions on a processor, behind which TensorFlow's optimizer of graphs fails."""

import contextlib
from collections.abc import Iterator

import keras

from kerascnn.models.graph import all_layers


@contextlib.contextmanager
def without_remapping(model: keras.Model) -> Iterator[None]:
    """Inside, graphs of a model with grouped convolutions and biases are left unfused.

    Keras compiles a grouped convolution on a processor by itself, which hides the shape of its
    output. The remapper of TensorFlow 2.21 fuses a convolution further on with its bias, asks how
    large its input is, and, behind a response normalization, ends the process: AlexNet's did.
    Other models are optimized as always.
    """
    convolutions = [x for x in all_layers(model) if isinstance(x, keras.layers.Conv2D)]
    grouped = any(x.groups > 1 for x in convolutions)
    if keras.config.backend() != "tensorflow" or not (
        grouped and any(x.use_bias for x in convolutions)
    ):
        yield
        return
    import tensorflow as tf

    before = tf.config.optimizer.get_experimental_options().get("remapping", True)
    tf.config.optimizer.set_experimental_options({"remapping": False})
    try:
        yield
    finally:
        tf.config.optimizer.set_experimental_options({"remapping": before})

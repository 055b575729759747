"""An untrained network, layer by layer: how large activations and gradients are.

Glorot & Bengio, "Understanding the difficulty of training deep feedforward neural networks",
AISTATS 2010, Figures 6 and 7; He, Zhang, Ren & Sun, arXiv:1502.01852, section 2.2.
"""

from typing import Any

import keras
import numpy as np

from kerascnn.errors import UserError
from kerascnn.models.graph import nodes


def hidden_outputs(model: keras.Model) -> list[Any]:
    """What the layers with kernels give, in their order, without the last one, the logits."""
    found = [
        node.outputs[0]
        for node in nodes(model)
        if getattr(node.operation, "kernel", None) is not None
    ]
    if len(found) < 3:
        raise UserError(f"{model.name}: expected two hidden layers at least, to compare by depth")
    return found[:-1]


def sizes_by_depth(
    model: keras.Model, pixels: np.ndarray, labels: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Root mean squares of the activations of each hidden layer, and of the loss's gradients there.

    Args:
        model: raw pixels -> logits. pixels: (n, height, width, channels). labels: (n,).

    Returns:
        Two arrays, (layers,); the loss is the cross-entropy summed over the images.

    Raises:
        UserError: fewer than two hidden layers, or another backend than TensorFlow.
    """
    if keras.config.backend() != "tensorflow":
        raise UserError("gradients by depth are taken on TensorFlow; set KERAS_BACKEND=tensorflow")
    import tensorflow as tf

    part = keras.Model(model.inputs, [*hidden_outputs(model), model.outputs[0]])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="sum")
    with tf.GradientTape() as tape:
        images = tf.constant(pixels.astype("float32"))
        tape.watch(images)
        *hidden, logits = part(images, training=False)
        total = loss(labels, logits)
    gradients = tape.gradient(total, hidden)
    return _sizes(hidden), _sizes(gradients)


def _sizes(tensors):
    return np.array([np.sqrt(np.mean(np.square(np.asarray(x, "float64")))) for x in tensors])

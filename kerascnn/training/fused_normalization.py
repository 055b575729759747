"""Batch normalization by TensorFlow's fused kernel, which Keras does not use: the same, faster.

The switch is thrown while a model is trained: its layers stay keras.layers.BatchNormalization, and
are saved as such.
"""

import contextlib
import functools
from collections.abc import Iterator
from typing import Any

import keras

from kerascnn.models.graph import all_layers

# Channels that a CPU's kernel takes at once in bfloat16; of another number it takes one at a time,
# in five to twenty times the time.
BLOCK = 16


@contextlib.contextmanager
def fused_normalization(model: keras.Model) -> Iterator[None]:
    """Inside, the BatchNormalization layers of a model train by TensorFlow's fused kernel.

    It is for images, (batch, height, width, channels), in float32, bfloat16 or float16; what a
    layer is called on decides each time, and Keras' own computation does the rest: inference, other
    ranks, masks, renormalization, synchronization over devices. On other backends nothing happens.
    What is compiled within keeps the kernel: compile the model anew to be rid of it.
    """
    layers = [
        layer
        for layer in all_layers(model)
        if type(layer) is keras.layers.BatchNormalization and "call" not in vars(layer)
    ]
    if keras.config.backend() != "tensorflow":
        layers = []
    for layer in layers:
        layer.call = functools.partial(_call, layer)
    try:
        yield
    finally:
        for layer in layers:
            del layer.call


def _call(layer, inputs, training=None, mask=None):
    own = training and layer.trainable and mask is None
    if not own or layer.renorm or layer.synchronized or not has_fused_kernel(layer, inputs):
        return type(layer).call(layer, inputs, training=training, mask=mask)
    outputs, mean, variance = normalize_batch(layer, inputs)
    for moving, now in ((layer.moving_mean, mean), (layer.moving_variance, variance)):
        moving.assign(moving * layer.momentum + now * (1 - layer.momentum))
    return keras.ops.cast(outputs, layer.compute_dtype)


def has_fused_kernel(layer: keras.layers.BatchNormalization, inputs: Any) -> bool:
    """Whether TensorFlow has a fused kernel for what a layer is called on."""
    return (
        keras.config.backend() == "tensorflow"
        and len(inputs.shape) == 4
        and layer.axis in (-1, 3)
        and keras.backend.standardize_dtype(inputs.dtype) in ("float32", "bfloat16", "float16")
    )


def normalize_batch(layer: keras.layers.BatchNormalization, inputs: Any) -> tuple[Any, Any, Any]:
    """Normalizes images by the statistics of their batch.

    Args:
        layer: gives gamma, beta and epsilon. inputs: (batch, height, width, channels).

    Returns:
        (outputs of the dtype of the inputs, mean and biased variance in float32, (channels,) each).
    """
    import tensorflow as tf

    channels, dtype = inputs.shape[-1], inputs.dtype
    if dtype == "bfloat16" and channels % BLOCK and not tf.config.list_physical_devices("GPU"):
        inputs = tf.cast(inputs, tf.float32)
    gamma = layer.gamma.value if layer.scale else tf.ones(channels)
    beta = layer.beta.value if layer.center else tf.zeros(channels)
    outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
        x=inputs,
        scale=tf.cast(gamma, tf.float32),
        offset=tf.cast(beta, tf.float32),
        mean=tf.zeros(0),
        variance=tf.zeros(0),
        epsilon=layer.epsilon,
        is_training=True,
    )
    # The kernel gives the unbiased variance; Keras averages the biased one.
    count = tf.cast(tf.size(inputs) // channels, tf.float32)
    return tf.cast(outputs, dtype), mean, variance * (count - 1) / count

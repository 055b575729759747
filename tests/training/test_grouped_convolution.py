"""A grouped convolution with another one behind it trains on a processor."""

import subprocess
import sys

# AlexNet's second and third stage, small. In a process of its own: without the context TensorFlow
# 2.21 ends it, "Check failed: d < dims()". The day that it does not, the context may go.
PROGRAM = """
import contextlib, sys
import keras
import tensorflow as tf
from keras import layers
from kerascnn.layers import LocalResponseNormalization
from kerascnn.training.grouped_convolution import without_remapping

x = image = keras.Input((9, 9, 4))
x = layers.Conv2D(8, 5, padding="same", groups=2, activation="relu")(x)
x = LocalResponseNormalization()(x)
x = layers.MaxPooling2D(3, 2)(x)
x = layers.Conv2D(8, 3, padding="same", activation="relu")(x)
model = keras.Model(image, layers.Dense(2)(layers.Flatten()(x)))
model.compile("sgd", "mse", jit_compile=False)
images = tf.zeros((8, 9, 9, 4))
batches = tf.data.Dataset.range(2).map(
    lambda i: (
        tf.ensure_shape(tf.gather(images, tf.range(i, i + 3)), (None, 9, 9, 4)),
        tf.zeros((3, 2)),
    )
)
with without_remapping(model) if sys.argv[1] == "with" else contextlib.nullcontext():
    model.fit(batches, verbose=0)
remapping = tf.config.optimizer.get_experimental_options().get("remapping", True)
print("trained", remapping)
"""


def trained(how):
    command = [sys.executable, "-c", PROGRAM, how]
    return subprocess.run(command, capture_output=True, text=True).stdout


def test_it_trains_and_leaves_the_optimizer_of_graphs_as_it_was():
    assert "trained True" in trained("with")


def test_without_it_tensorflow_ends_the_process():
    assert "trained" not in trained("without")

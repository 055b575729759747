"""How much slower `numpy_ops.conv` is than Keras on the TensorFlow backend, on this CPU.

    python benchmarks/numpy_ops.py [--threads 1]

3x3 convolution of 64 to 64 channels at 56x56, "same", float32. The two run in turns in one
process on as many threads, Keras compiled by tf.function; the ratio is the median over the rounds
of NumPy's time over Keras' of the same round. Expected on one thread: at most 3.

One thread is the default because only the matrix product of the NumPy side uses more, and because
OpenBLAS's threads wait by spinning: with more of them a busy machine measures its other load.
"""

import argparse
import os
import statistics
import sys
import time
from pathlib import Path

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--threads", type=int, default=1)
parser.add_argument("--rounds", type=int, default=25)
arguments = parser.parse_args()

# Read when NumPy and Keras are imported, so they have to stand before that.
os.environ["OPENBLAS_NUM_THREADS"] = str(arguments.threads)
os.environ["KERAS_BACKEND"] = "tensorflow"
sys.path.insert(0, str(Path(__file__).parents[1]))

import keras  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

from kerascnn.numpy_ops import conv  # noqa: E402


def seconds(function, x):
    """Wall clock of one call."""
    start = time.perf_counter()
    function(x)
    return time.perf_counter() - start


def compare(batch, rounds):
    """Prints one line of the table, after checking that the two compute the same."""
    x = np.random.default_rng(0).standard_normal((batch, 56, 56, 64), dtype="float32")
    layer = keras.layers.Conv2D(64, 3, padding="same")
    layer.build(x.shape)
    kernel, bias = layer.get_weights()
    compiled = tf.function(layer)

    def with_keras(x):
        return compiled(x).numpy()

    def with_numpy(x):
        return conv(x, kernel, bias, padding="same")

    np.testing.assert_allclose(with_numpy(x), with_keras(x), atol=1e-4)  # and warms both up
    pairs = [(seconds(with_keras, x), seconds(with_numpy, x)) for _ in range(rounds)]
    keras_ms, numpy_ms = (1e3 * statistics.median(times) for times in zip(*pairs, strict=True))
    ratio = statistics.median(slow / fast for fast, slow in pairs)
    print(f"{batch:5d} {keras_ms:9.2f} {numpy_ms:9.2f} {ratio:7.2f}")


if __name__ == "__main__":
    tf.config.threading.set_intra_op_parallelism_threads(arguments.threads)
    tf.config.threading.set_inter_op_parallelism_threads(arguments.threads)
    print(f"threads: {arguments.threads}")
    print("batch  Keras ms  NumPy ms   ratio")
    for batch in (1, 8, 32):
        compare(batch, arguments.rounds)

"""What a conversion takes: a large network shall not need a machine larger than its training."""

import subprocess
import sys
from pathlib import Path

import pytest

PEAK = """
import keras
import numpy as np
from keras import layers

def peak():
    lines = open("/proc/self/status").read().splitlines()
    return 1024 * int(next(line.split()[1] for line in lines if line.startswith("VmHWM:")))
"""
CONVERSION = """
import export

def network(units):
    image = keras.Input((8, 8, 3))
    x = layers.Flatten()(layers.Conv2D(16, 3, padding="same", activation="relu")(image))
    return keras.Model(image, layers.Dense(units)(layers.Dense(units, activation="relu")(x)))

export.convert(network(2), KIND)  # what is imported and built once does not count
large = network(2048)
before = peak()
export.convert(large, KIND)
print((peak() - before) / (4 * large.count_params()))
"""
CALIBRATION = """
from export.quantization import portions
from export.quantization.quantizer import calibrate, quantized_model
from export.quantization.fake_quant import FakeQuant

x = image = keras.Input((64, 64, 3))
for _ in range(12):
    x = layers.ReLU()(layers.Conv2D(16, 1)(x))
simulated = quantized_model(keras.Model(image, x))
images = np.random.default_rng(0).integers(0, 256, (64, 64, 64, 3)).astype("float32")

def ranges():
    calibrate(simulated, [images])
    found = [(x.minimum.numpy(), x.maximum.numpy()) for x in simulated.layers
             if isinstance(x, FakeQuant)]
    return np.array(found), peak()

calibrate(simulated, [images[:1]])
before = peak()
portions.MEMORY = 2**26
by_portions, small = ranges()
portions.MEMORY = 2**40
at_once, large = ranges()
np.testing.assert_allclose(by_portions, at_once, rtol=1e-5)  # sums of float32 in another order
print((small - before) / 2**26, (large - before) / 2**26)
"""
# Copies of the weights, TensorFlow's and the converters': 17 and 21 as measured, 28 and 66 as the
# converters come.
COPIES = {"tflite": 23, "onnx": 40}

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="peaks are read from Linux"
)


def measured(program):
    """The numbers that a program of a process of its own prints last."""
    command = [sys.executable, "-c", PEAK + program]
    made = subprocess.run(command, capture_output=True, text=True, check=True)
    return [float(word) for word in made.stdout.splitlines()[-1].split()]


# Of the same frozen graph .onnx takes more.
@pytest.mark.parametrize("kind", [pytest.param("tflite", marks=pytest.mark.full), "onnx"])
def test_a_float_file_takes_no_more_copies_of_the_weights_than_that(kind):
    (copies,) = measured(f"KIND = {kind!r}" + CONVERSION)
    assert 1 < copies < COPIES[kind]


@pytest.mark.full
def test_calibration_keeps_to_its_memory_and_finds_the_same_ranges():
    by_portions, at_once = measured(CALIBRATION)
    # Of what it may take. Run layer by layer, as once, the whole batch takes 13 times as much.
    assert max(by_portions, at_once) < 2

"""What LiteRT's GPU delegate takes, on Chromium's software driver, and what it says of the rest."""

import keras
import pytest
from foreign_files import tflite
from keras import layers

from export.lanes import Options, measure
from export.lanes.gpu import DRIVER, GPU, unsupported


@pytest.fixture(autouse=True)
def here():
    if not GPU.probe().available:
        pytest.skip(f"no lane gpu-compat here: {GPU.probe().missing}")


def test_a_float_network_runs_on_the_gpu_and_is_right(files):
    (figure,) = measure([files["float"]], [GPU], Options())
    assert not figure.refused and figure.value >= 3 and not figure.details["fallbacks"]


def test_what_it_leaves_to_the_processor_is_named(tmp_path):
    """Tensors of five axes are none for a GPU."""
    inputs = keras.Input((8, 8, 3), batch_size=1)
    x = layers.Conv2D(8, 3, padding="same")(inputs)
    x = keras.ops.tile(layers.Reshape((8, 8, 8, 1))(x), (1, 1, 1, 1, 2))
    model = keras.Model(inputs, layers.Conv2D(4, 3)(layers.Reshape((8, 8, 16))(x)))
    (figure,) = measure([tflite(tmp_path / "five.tflite", model)], [GPU], Options())
    assert figure.value == 1 and not figure.refused
    assert "TILE" in {operator for operator, _ in figure.details["fallbacks"]}


def test_a_driver_that_is_none_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv(DRIVER, str(tmp_path / "none.json"))
    assert not GPU.probe().available and DRIVER in GPU.probe().missing


def test_lines_of_the_log_are_no_operators():
    log = "ERROR: Following operations\nTILE: Tensor dimensions. name\nINFO: Created\n"
    assert unsupported(log) == [("TILE", "Tensor dimensions. name")]

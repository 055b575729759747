"""A small convolutional network as .tflite files, float and int8, as its converter writes them."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "export"))


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    """{"float", "int8", "open"} -> path, of one network; "open" takes any number of samples."""
    import keras
    from foreign_files import network, tflite

    folder, model = tmp_path_factory.mktemp("lanes"), network()
    inputs = keras.Input((12, 12, 3), batch_size=1, name="image")
    tflite(folder / "open.tflite", model, "int8", "uint8")
    model = keras.Model(inputs, model(inputs))
    return {
        "open": folder / "open.tflite",
        "float": tflite(folder / "float.tflite", model),
        "int8": tflite(folder / "int8.tflite", model, "int8", "uint8"),
    }

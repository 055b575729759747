"""Models that Keras 1, 2 or 3 saved as .h5: converted like .keras files, or told the way out."""

import json

import h5py
import keras
import numpy as np
import pytest
from keras import layers

from kerascnn.errors import UserError
from kerascnn.training import load_model


def stack(of):
    return of.Sequential(
        [
            of.layers.Rescaling(1 / 255, input_shape=(12, 12, 3)),
            of.layers.Conv2D(6, 3, activation="relu"),
            of.layers.BatchNormalization(),
            of.layers.GlobalAveragePooling2D(),
            of.layers.Dense(4, activation="softmax"),
        ]
    )


def complaint(result, words):
    code, out, err = result
    assert (code, len(err.strip().splitlines())) == (2, 1), out + err
    assert words in err, err


@pytest.mark.parametrize("library", ["keras", "tf_keras"])
def test_a_file_of_keras_2_or_3_converts_and_verifies(kerascnn, tmp_path, library):
    of = pytest.importorskip(library)
    model, path = stack(of), tmp_path / "mine.h5"
    model.save(path)
    image = np.arange(12 * 12 * 3, dtype=np.float32).reshape(1, 12, 12, 3) % 256
    np.testing.assert_allclose(load_model(path)(image), model(image), atol=1e-6)
    code, out, err = kerascnn("convert", path, "--to", "tflite", "onnx", "--recipe", "float32")
    assert code == 0, out + err
    metadata = json.loads((tmp_path / "mine_float32.tflite.json").read_text())
    assert (metadata["source"]["file"], metadata["inputs"][0]["dtype"]) == ("mine.h5", "uint8")
    assert kerascnn("verify", tmp_path / "mine_float32.tflite")[0] == 0
    assert kerascnn("describe", path)[0] == 0


@pytest.mark.parametrize("library", ["keras", "tf_keras"])
def test_code_inside_runs_only_with_trust(kerascnn, tmp_path, library):
    of = pytest.importorskip(library)
    ran, path = tmp_path / "ran", tmp_path / "mine.h5"
    source = f"lambda x: (open({str(ran)!r}, 'w').close(), 2.0 * x)[1]"
    of.Sequential([of.layers.Lambda(eval(source), input_shape=(4, 4, 3))]).save(path)
    ran.unlink(missing_ok=True)
    convert = ("convert", path, "--to", "onnx")
    complaint(kerascnn(*convert), "carries Python code")
    assert not ran.exists()


def test_weights_alone_are_no_model(kerascnn, tmp_path):
    stack(keras).save_weights(tmp_path / "mine.weights.h5")
    convert = ("convert", tmp_path / "mine.weights.h5", "--to", "onnx")
    complaint(kerascnn(*convert), "perhaps its weights alone")


def test_what_is_no_hdf5_says_so(kerascnn, tmp_path):
    (tmp_path / "mine.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(400))
    complaint(kerascnn("convert", tmp_path / "mine.h5", "--to", "onnx"), "not an HDF5 file")


def test_a_layer_nobody_knows_leads_to_the_keras_that_wrote_it(kerascnn, tmp_path):
    path = tmp_path / "mine.h5"
    stack(keras).save(path)
    with h5py.File(path, "r+") as file:
        renamed = file.attrs["model_config"].replace('"Conv2D"', '"OldConv2D"')
        file.attrs["model_config"] = renamed
    complaint(kerascnn("convert", path, "--to", "onnx"), "OldConv2D")


@pytest.mark.parametrize("units", [10**9, 10**7])
def test_layers_that_take_more_than_is_there_are_refused(tmp_path, units):
    """Before their weights are made: 40 gigabytes, or 400 megabytes that are zeros packed."""
    path = tmp_path / "bomb.h5"
    keras.Sequential([keras.Input((10,)), layers.Dense(3, name="huge")]).save(path)
    with h5py.File(path, "r+") as file:
        text = file.attrs["model_config"].replace('"units": 3', f'"units": {units}')
        file.attrs["model_config"] = text
        if units == 10**7:
            file.create_dataset("zeros", (10, units), "f4", chunks=(1, units), compression="gzip")
    with pytest.raises(UserError, match="not a Keras model that can be loaded"):
        load_model(path)


def test_arrays_in_other_files_are_not_read(tmp_path):
    path = tmp_path / "mine.h5"
    keras.Sequential([keras.Input((4,)), layers.Dense(3)]).save(path)
    (tmp_path / "secret").write_bytes(bytes(400))
    with h5py.File(path, "r+") as file:
        file.create_dataset("x", (100,), "f4", external=[(str(tmp_path / "secret"), 0, 400)])
    with pytest.raises(UserError, match="stand in other files"):
        load_model(path)

"""Models that load and then fail, arrays that are none: one line that names the file, code 2."""

import json
import zipfile

import keras
import numpy as np
import pytest
from keras import layers

from export.delivery.staging import INDEX
from export.subject.images import samples_from
from kerascnn.errors import UserError


def samples_of_pixels(path):
    """What is read for a model that takes pixels of 8x8x3."""
    image = keras.Input((8, 8, 3))
    return samples_from(path, keras.Model(image, layers.Flatten()(image)), (True,))


def failing(classes, image=(32, 32, 1)):
    """Looks up the word of number 7 million, of which there are three; a processor refuses that."""
    inputs = keras.Input(image)
    x = layers.Rescaling(1e6)(layers.GlobalAveragePooling2D()(inputs))
    x = layers.Flatten()(layers.Embedding(3, classes)(x))
    return keras.Model(inputs, x[:, :classes])


def of_other_images(classes):
    inputs = keras.Input((20, 24, 3))
    return keras.Model(inputs, layers.Dense(classes)(layers.Flatten()(inputs)))


def of_other_classes(classes):
    inputs = keras.Input((32, 32, 1))
    return keras.Model(inputs, layers.Dense(classes + 1)(layers.Flatten()(inputs)))


@pytest.mark.parametrize("model", [failing, of_other_images, of_other_classes])
def test_a_run_whose_model_cannot_be_run(kerascnn, own_run, model):
    model(10).save(own_run / "model.keras")
    image = own_run / "seven.png"
    keras.utils.save_img(image, np.full((8, 8, 1), 9, np.uint8), scale=False)
    metadata = own_run / "model_float32.tflite.json"
    for verb in (
        ("predict", own_run, image),
        ("evaluate", own_run),
        ("verify", own_run / "model_float32.tflite"),
        ("convert", own_run, "--to", "tflite", "--recipe", "float32"),
    ):
        before = metadata.read_bytes()
        code, out, err = kerascnn(*verb)
        assert (code, out, len(err.splitlines())) == (2, "", 1), err
        assert "model.keras: " in err or "model_float32.tflite: " in err
        told = (
            "cannot be run",
            "expected outputs of (n, 10)",
            "refuses this file",
            "its model takes",
        )
        assert any(words in err for words in told), err
        assert metadata.read_bytes() == before


def test_a_file_of_ones_own_that_cannot_be_run(kerascnn, tmp_path):
    failing(3, (8, 8, 3)).save(tmp_path / "own.keras")
    code, out, err = kerascnn(
        "convert", tmp_path / "own.keras", "--to", "tflite", "--recipe", "float32"
    )
    assert (code, out) == (2, "")
    assert "own.keras: loads, but cannot be run: " in err and len(err.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["own.keras"]


def test_an_array_with_an_odd_header(tmp_path):
    """numpy reads odd headers with Python's tokenizer, which raises errors of its own."""
    np.save(tmp_path / "images.npy", np.zeros((2, 8, 8, 3), np.uint8))
    data = (tmp_path / "images.npy").read_bytes()
    (tmp_path / "images.npy").write_bytes(data.replace(b"(2, 8,", b"((((2,", 1))
    with pytest.raises(UserError, match=r"images.npy: not an .npy or .npz array of numbers"):
        samples_of_pixels(tmp_path / "images.npy")


def test_an_archive_of_something_else(tmp_path):
    with zipfile.ZipFile(tmp_path / "images.npz", "w") as archive:
        archive.writestr("images.txt", b"no array")
    with pytest.raises(UserError, match=r"its member 'images.txt' is not an array"):
        samples_of_pixels(tmp_path / "images.npz")


@pytest.mark.parametrize("name", ["", "a" * 300, "..", "sub/file", "folder", "\ud800"])
def test_an_index_that_lists_what_cannot_be_a_file(kerascnn, finished_run, tmp_path, name):
    (tmp_path / "folder").mkdir()
    index = {"models": [], "staging": [name]}
    (tmp_path / INDEX).write_text(json.dumps(index))
    code, out, err = kerascnn("stage", finished_run / "model_int8.tflite", "--into", tmp_path)
    assert (code, out) == (2, "") and "models.json: names folders or files elsewhere" in err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", INDEX]
    assert json.loads((tmp_path / INDEX).read_text()) == index


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("labels", 3),
        ("labels", []),
        ("labels", "0123456789"),
        ("input_shape", [8, 8, 0]),
        ("input_shape", {"a": 1}),
        ("input_shape", [32, 32]),
        ("input_shape", [1e400, 32, 1]),
        ("input_shape", [10**9, 32, 1]),
        ("resize", "crop"),
        ("resize", None),
    ],
)
def test_a_run_that_says_odd_things_of_its_images(kerascnn, own_run, key, value):
    facts = json.loads((own_run / "run.json").read_text())
    (own_run / "run.json").write_text(json.dumps({**facts, key: value}))
    for verb in (("predict", own_run, "seven.png"), ("report", own_run)):
        code, out, err = kerascnn(*verb)
        assert (code, out, len(err.splitlines())) == (2, "", 1), err
        assert f"{own_run}/run.json: " in err and key in err and "train the run again" in err

"""predict and evaluate take a run, a Keras file and an artifact, and they say the same."""

import csv
import io
import json
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from kerascnn.training import open_run


@pytest.fixture(scope="module")
def photos(finished_run, tmp_path_factory):
    """Three test images of each digit, as files in class folders; and all of them in an .npz."""
    folder = tmp_path_factory.mktemp("photos")
    data = open_run(finished_run).data()
    pixels, labels = data.pixels(data.test), data.test.labels
    for digit in range(10):
        (folder / "classes" / str(digit)).mkdir(parents=True)
        for number in np.flatnonzero(labels == digit)[:3]:
            path = folder / "classes" / str(digit) / f"{number}.png"
            path.write_bytes(tf.io.encode_png(pixels[number]).numpy())
    np.savez(folder / "all.npz", x=pixels, y=labels)
    return folder


@pytest.fixture(scope="module")
def model_file(finished_run, tmp_path_factory):
    """The model of the run as anybody might have it, in both formats of Keras."""
    folder = tmp_path_factory.mktemp("mine")
    shutil.copy(finished_run / "model.keras", folder / "mine.keras")
    open_run(finished_run).model().save(folder / "mine.h5")
    return folder


def complaint(result, words):
    code, out, err = result
    assert (code, len(err.strip().splitlines())) == (2, 1), out + err
    assert words in err, err


def top1(result):
    code, out, err = result
    assert code == 0, out + err
    return json.loads(out)["top1"]


def test_artifacts_are_evaluated_on_the_test_images_of_their_run(kerascnn, finished_run):
    run = top1(kerascnn("evaluate", finished_run, "--json"))
    for name in ("model_float32.tflite", "model_float32.onnx"):
        assert top1(kerascnn("evaluate", finished_run / name, "--json")) == run
    int8 = kerascnn("evaluate", finished_run / "model_int8.tflite", "--json")
    assert abs(top1(int8) - run) <= 0.03  # the recipe allows 3 points
    assert json.loads(int8[1])["images"] == 500


@pytest.mark.parametrize("name", ["mine.keras", "mine.h5"])
def test_a_keras_file_is_evaluated_on_images_of_ones_own(
    kerascnn, finished_run, model_file, photos, name
):
    path = model_file / name
    run = top1(kerascnn("evaluate", finished_run, "--json"))
    found = kerascnn("evaluate", path, "--images", photos / "all.npz", "--json")
    assert top1(found) == run
    of_folder = kerascnn("evaluate", path, "--data", photos / "classes", "--json")
    of_run = kerascnn("evaluate", finished_run, "--data", photos / "classes", "--json")
    assert json.loads(of_folder[1]) == json.loads(of_run[1])
    assert json.loads(of_folder[1])["images"] == 30


def test_a_folder_beside_the_run_does_not_touch_its_evaluation(kerascnn, own_run, photos):
    before = (own_run / "evaluation.json").read_bytes()
    assert kerascnn("evaluate", own_run, "--data", photos / "classes")[0] == 0
    assert (own_run / "evaluation.json").read_bytes() == before


def test_all_three_kinds_see_the_same_in_a_picture(kerascnn, finished_run, model_file, photos):
    pictures = sorted((photos / "classes" / "7").iterdir())
    found = []
    for source in (finished_run, model_file / "mine.keras", finished_run / "model_float32.onnx"):
        code, out, err = kerascnn("predict", source, *pictures, "--top", "2", "--json")
        assert code == 0, out + err
        found.append([(row["label"], round(row["probability"], 4)) for row in json.loads(out)])
    assert found[0] == found[1] == found[2]
    assert found[0][0][0] == "7"


def test_labels_come_from_a_file_or_between_commas(kerascnn, model_file, photos, tmp_path):
    names = [f"digit {n}" for n in range(10)]
    (tmp_path / "names.txt").write_text("\n".join(names) + "\n")
    (picture, *_) = sorted((photos / "classes" / "7").iterdir())
    for labels in (tmp_path / "names.txt", ",".join(names)):
        code, out, _ = kerascnn("predict", model_file / "mine.keras", picture, "--labels", labels)
        assert code == 0 and "digit 7" in out
    few = kerascnn("predict", model_file / "mine.keras", picture, "--labels", "a,b")
    complaint(few, "has 10 classes, --labels names 2")
    twice = kerascnn("predict", model_file / "mine.keras", picture, "--labels", "a,a")
    complaint(twice, "expected different names")
    folder = ("--data", photos / "classes", "--labels", ",".join(names))
    complaint(kerascnn("evaluate", model_file / "mine.keras", *folder), "unknown label '0'")


def test_probabilities_are_not_made_into_probabilities_again(kerascnn, tmp_path):
    """A model that ends in a softmax: its numbers are shown as they are, from the file too."""
    image = keras.Input((8, 8, 1))
    x = layers.Flatten()(layers.Rescaling(1 / 255)(image))
    model = keras.Model(image, layers.Dense(3, activation="softmax")(x))
    model.save(tmp_path / "mine.keras")
    picture = np.arange(64, dtype=np.uint8).reshape(8, 8, 1) * 4
    (tmp_path / "a.png").write_bytes(tf.io.encode_png(picture).numpy())
    assert kerascnn("convert", tmp_path / "mine.keras", "--to", "onnx")[0] == 0
    wanted = np.sort(np.array(model(picture[None].astype("float32")))[0])[::-1]
    for name in ("mine.keras", "mine_float32.onnx"):
        _, out, _ = kerascnn("predict", tmp_path / name, tmp_path / "a.png", "--json")
        found = [row["probability"] for row in json.loads(out)]
        np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_what_cannot_be_answered_says_why(kerascnn, finished_run, model_file, photos, tmp_path):
    image = keras.Input((8, 8, 3))
    keras.Model(image, layers.Dense(3)(layers.Flatten()(image))).save(tmp_path / "floats.keras")
    (picture, *_) = sorted((photos / "classes" / "7").iterdir())
    floats = kerascnn("predict", tmp_path / "floats.keras", picture)
    complaint(floats, "begin it with a Rescaling layer")
    complaint(kerascnn("evaluate", model_file / "mine.keras"), "expected images with labels")
    complaint(kerascnn("predict", finished_run, picture, "--code", "x.py"), "are for a .keras file")
    both = ("--data", photos / "classes", "--images", photos / "all.npz")
    complaint(kerascnn("evaluate", finished_run, *both), "give one")
    np.savez(tmp_path / "none.npz", x=np.zeros((3, 32, 32, 1), np.uint8))
    none = kerascnn("evaluate", model_file / "mine.keras", "--images", tmp_path / "none.npz")
    complaint(none, "the inputs and y or labels or targets")
    np.savez(tmp_path / "far.npz", x=np.full((3, 32, 32, 1), 9, np.uint8), y=[0, 1, 10])
    far = kerascnn("evaluate", model_file / "mine.keras", "--images", tmp_path / "far.npz")
    complaint(far, "are not the numbers 0 to 9")


def test_figures_come_as_csv(kerascnn, finished_run, photos):
    (picture, *_) = sorted((photos / "classes" / "7").iterdir())
    files = finished_run / "model_float32.tflite", finished_run / "model_int8.tflite"
    asked = {
        ("models", "resnet8*"): ("name", ["resnet8", "resnet8_26"]),
        ("predict", finished_run, picture): ("rank", ["1", "2", "3"]),
        ("evaluate", finished_run): ("images", ["500"]),
        ("verify", files[0]): ("passed", ["True", "True"]),
        ("benchmark", *files, "--runs", 50): ("file", [str(path) for path in files]),
    }
    for verb, (column, wanted) in asked.items():
        code, out, err = kerascnn(*verb, "--csv")
        assert code == 0, out + err
        assert [row[column] for row in csv.DictReader(io.StringIO(out))] == wanted
    complaint(kerascnn("evaluate", finished_run, "--csv", "--json"), "two formats")

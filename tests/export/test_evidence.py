"""A comparison over which nothing changes proves little, and whoever reads its result is told."""

import json

import keras
import numpy as np
import pytest
from keras import layers
from small_networks import randomized

import export
from export.proof.checks import FLOAT_TOLERANCE
from kerascnn.training import load_model

SHAPE = (16, 16, 3)


def body(image):
    x = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(8, 3)(image)))
    return layers.Flatten()(layers.MaxPooling2D()(x))


def saved(folder, *heads):
    """A model whose outputs are `heads`, functions of features, of which one may see nothing."""
    image = keras.Input(SHAPE, name="image")
    model = randomized(keras.Model(image, [head(body(image)) for head in heads]))
    model.save(folder / "mine.keras")
    return folder / "mine.keras"


def telling(x):
    return layers.Dense(4)(x)


def constant(x):
    return layers.Dense(4, kernel_initializer="zeros")(x)


def saturated(x):
    """One number, which is 1 to the last bit or two, as of a classifier that is very sure."""
    return layers.Activation("sigmoid")(layers.Dense(1)(x) * 0.1 + 14.0)


def images(folder):
    """Inputs that differ, as a file."""
    values = np.random.default_rng(0).normal(0.3, 1, (40, *SHAPE))
    np.save(folder / "images.npy", values)
    return folder / "images.npy"


def metadata(path):
    return json.loads(path.with_name(path.name + ".json").read_text())


@pytest.mark.parametrize("recipe", ["float32", "static_wi8_ai8"])
def test_where_images_change_the_outputs_nothing_is_doubted(tmp_path, recipe):
    path = saved(tmp_path, telling)
    (made,) = export.deliver(path, ["tflite"], recipe=recipe, images=images(tmp_path))
    assert made.verdict.passed
    assert made.verdict.doubt is None
    assert metadata(made.path)["doubt"] is None


@pytest.mark.parametrize(
    ("recipe", "head"),
    [
        ("float32", constant),
        ("static_wi8_ai8", constant),
        ("static_wi8_ai8", saturated),
        ("float16", saturated),
        ("dynamic_wi8", saturated),
    ],
)
def test_outputs_that_no_image_changes_are_kept_and_doubted(tmp_path, recipe, head):
    """They may be right, and noise may be all that does not move them: nothing is refused."""
    path, given = saved(tmp_path, head), images(tmp_path)
    (made,) = export.deliver(path, ["tflite"], recipe=recipe, images=given)
    assert made.verdict.passed
    assert "over 40 inputs, the outputs hardly change" in made.verdict.doubt
    assert metadata(made.path)["doubt"] == made.verdict.doubt


def test_the_commands_say_so_and_name_the_way_out(kerascnn, tmp_path):
    path = saved(tmp_path, constant)
    code, out, _ = kerascnn("convert", path, "--to", "tflite", "onnx", "--recipe", "float32")
    assert code == 0
    words = "proves little: over 64 inputs of noise, the outputs hardly change"
    for kind in ("tflite", "onnx"):
        assert f"mine_float32.{kind}: that it passed {words}" in out
    assert "convert it with real images, --images FOLDER or FILE.npz" in out
    code, out, _ = kerascnn("verify", tmp_path / "mine_float32.tflite")
    assert code == 0
    assert words in out


def test_the_output_that_tells_nothing_is_named(tmp_path):
    path = saved(tmp_path, telling, constant)
    (made,) = export.deliver(path, ["tflite"], recipe="float32")
    second = load_model(path).output_names[1]
    assert f"the numbers of {second} hardly change" in made.verdict.doubt
    assert "output 1" not in made.verdict.doubt


@pytest.mark.parametrize(("times", "doubted"), [(1.5, True), (3, False)])
def test_half_of_what_images_change_must_be_more_than_what_is_allowed(tmp_path, times, doubted):
    """A wrong layer costs half of it or more: with twice the tolerance it would just be seen."""
    path = saved(tmp_path, telling)
    values = np.load(images(tmp_path)).astype("float32")
    model = load_model(path)
    found = model.predict(values, verbose=0)
    change = np.abs(found - found.mean(axis=0)).max()
    for weights in model.layers[-1].weights:
        weights.assign(weights * (times * FLOAT_TOLERANCE / change))
    model.save(path)
    (made,) = export.deliver(path, ["tflite"], recipe="float32", images=tmp_path / "images.npy")
    assert made.verdict.passed
    assert (made.verdict.doubt is not None) == doubted


def test_one_image_proves_little(tmp_path):
    values = np.load(images(tmp_path))
    np.save(tmp_path / "one.npy", values[:1])
    path = saved(tmp_path, telling)
    (made,) = export.deliver(path, ["tflite"], recipe="float32", images=tmp_path / "one.npy")
    assert "over 1 input," in made.verdict.doubt


def test_labels_that_change_are_evidence_where_most_numbers_do_not(tmp_path):
    """Of 200 probabilities 199 are nothing, whichever image: within a step says little of them."""

    def sure(x):
        return layers.Softmax()(layers.Dense(200, name="classes")(x))

    path = saved(tmp_path, sure)
    model = load_model(path)
    kernel = model.get_layer("classes").kernel
    kernel.assign(30 * kernel)
    model.save(path)
    given = images(tmp_path)
    (made,) = export.deliver(path, ["tflite"], recipe="static_wi8_ai8", images=given)
    assert made.verdict.passed
    assert made.verdict.doubt is None


def test_a_run_that_learned_nothing_is_told_so_too(finished_run, own_run):
    for name in ("model_float32.tflite", "model_int8.onnx"):
        assert metadata(finished_run / name)["doubt"] is None
    model = load_model(own_run / "model.keras")
    last = model.layers[-1]
    last.kernel.assign(np.zeros(last.kernel.shape))
    model.save(own_run / "model.keras")
    for recipe in ("float32", "static_wi8_ai8"):
        (made,) = export.deliver(own_run, ["tflite"], recipe=recipe)
        assert made.verdict.passed
        assert "validation images, the outputs hardly change" in made.verdict.doubt
        assert "kerascnn evaluate" in made.verdict.doubt

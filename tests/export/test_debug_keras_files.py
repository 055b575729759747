"""An int8 file of a model that was not trained here: which layers lose, without a label."""

import keras
import numpy as np
import pytest
import yaml
from keras import layers
from small_networks import randomized

import export
from export.delivery.preparation import prepared
from export.proof.verification import judge
from export.recipes.recipe import load_recipe
from export.runtimes import Artifact
from export.runtimes.tflite_content import float_operators
from export.subject.opening import open_subject
from kerascnn.errors import UserError

RECIPE = "static_wi8_ai8"


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """(the .keras file, its images): a first layer one of whose channels is far too loud."""
    keras.utils.set_random_seed(0)
    folder = tmp_path_factory.mktemp("own")
    image = keras.Input((12, 12, 3))
    x = layers.Rescaling(1 / 255)(image)
    x = layers.Conv2D(8, 3, activation="relu", name="loud")(x)
    x = layers.Conv2D(8, 3, activation="relu", name="calm")(x)
    model = randomized(keras.Model(image, layers.Dense(4, name="head")(layers.Flatten()(x))))
    for name, axis in (("loud", -1), ("calm", -2)):  # what one makes louder, the next makes up for
        kernel, bias = model.get_layer(name).get_weights()
        channel = np.moveaxis(kernel, axis, 0)[5]
        channel *= 40 if name == "loud" else 1 / 40
        bias[5] *= 40 if name == "loud" else 1
        model.get_layer(name).set_weights([kernel, bias])
    model.save(folder / "mine.keras")
    images = np.random.default_rng(0).integers(0, 256, (60, 12, 12, 3), np.uint8)
    np.savez(folder / "images.npz", images)
    return folder / "mine.keras", folder / "images.npz"


def test_the_layer_that_loses_is_named(kerascnn, own):
    path, images = own
    code, out, _ = kerascnn("debug", path, "--recipe", RECIPE, "--images", images, "--count", 40)
    assert code == 0
    rows = [line.split()[1] for line in out.splitlines() if "%" in line and "dB" in line]
    assert rows[0] == "loud"
    assert "40 images: rounded to int8, the outputs stand " in out
    assert "have the label they had" in out
    said = " ".join(out.split())
    assert "loud: output channel 5 is" in said


def test_a_file_leads_back_to_its_model(own):
    path, images = own
    (made,) = export.deliver(path, ["tflite"], recipe=RECIPE, images=images)
    found = export.debug(made.path, images=images)
    again = export.debug(path, recipe=RECIPE, images=images)
    assert [x.share for x in found.layers] == [x.share for x in again.layers]
    assert not found.labelled and found.float_accuracy == 1.0


def test_outputs_that_are_no_classes_have_no_labels(tmp_path, own):
    image = keras.Input((12, 12, 3))
    outputs = layers.Conv2D(2, 3, name="mask")(layers.Rescaling(1 / 255)(image))
    randomized(keras.Model(image, outputs)).save(tmp_path / "mask.keras")
    found = export.debug(tmp_path / "mask.keras", recipe=RECIPE, images=own[1])
    assert found.int8_accuracy is None and all(x.alone is None for x in found.layers)
    assert found.snr > 30  # a single layer of eight bits


def test_layers_that_a_recipe_leaves_float_are_float_in_the_file(own, tmp_path):
    path, images = own
    recipe = tmp_path / "own.yaml"
    quantization = {"method": "static", "exclude": ["loud", "calm"]}
    recipe.write_text(yaml.safe_dump({"name": "quiet", "quantization": quantization}))
    (made,) = export.deliver(path, ["tflite"], recipe=recipe, images=images, out=tmp_path)
    assert made.verdict.passed
    assert float_operators(made.path.read_bytes()).count("CONV_2D") == 2
    claimed = prepared(open_subject(path, images=images), load_recipe(RECIPE))  # nothing is float
    with Artifact(made.path) as artifact:
        checks = {check.name: check for check in judge(artifact, claimed).checks}
    assert not checks["operators in float"].passed
    better = export.debug(path, recipe=recipe, images=images)
    assert better.snr > export.debug(path, recipe=RECIPE, images=images).snr + 6


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({}, "say --recipe NAME"),
        ({"recipe": RECIPE}, "--images FOLDER or FILE.npz"),
        ({"recipe": "float32"}, "which rounds no activations to int8"),
        ({"recipe": "qat_wi8_ai8"}, "trains, which takes a run"),
    ],
)
def test_what_it_needs_is_said(own, options, line):
    with pytest.raises(UserError, match=line):
        export.debug(own[0], **options)


def test_it_fixes_where_it_can_measure(kerascnn, own, finished_run):
    path, images = own
    call = ("debug", path, "--recipe", RECIPE, "--images", images)
    code, _, err = kerascnn(*call, "--fix")
    assert code == 2 and "which takes labels" in err and len(err.splitlines()) == 1
    code, _, err = kerascnn(*call, "--fix", "--train")
    assert code == 2 and "--train takes a run" in err
    code, _, err = kerascnn("debug", finished_run / "model_int8.onnx", "--images", images)
    assert code == 2 and "are for a .keras file" in err


def test_a_file_that_was_not_kept_says_what_to_ask(kerascnn, own, monkeypatch):
    path, images = own
    monkeypatch.setattr("export.proof.checks.WITHIN_A_STEP", 1.1)  # more than there is
    call = ("--recipe", RECIPE, "--images", images)
    code, out, _ = kerascnn("convert", path, "--to", "onnx", *call)
    assert code == 1
    said = "".join(out.split())
    assert f"kerascnndebug{path}--images{images}--recipe{RECIPE}sayswhy" in said

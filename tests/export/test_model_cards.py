"""The model card beside an artifact: true, complete, and its program runs the file."""

import json
import re
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import layers
from small_networks import randomized

import export
from export.proof.card import card_path
from export.proof.metadata import metadata_path
from export.proof.verification import in_values
from export.runtimes import Artifact

FILES = ["model_float32.tflite", "model_int8.tflite", "model_float32.onnx", "model_int8.onnx"]


def program(path, samples, folder):
    """Runs the program of a card on samples of one's own: what it computes, (outputs)."""
    (script,) = re.findall(r"```python\n(.*?)```", card_path(path).read_text(), re.DOTALL)
    np.savez(folder / "samples.npz", *samples)
    for number in range(len(samples)):
        name = "x" if len(samples) == 1 else f"x{number}"
        pattern = rf"^{name} = np\.zeros.*$"
        loaded = f"{name} = np.load({str(folder / 'samples.npz')!r})['arr_{number}']"
        script, replaced = re.subn(pattern, lambda _, to=loaded: to, script, flags=re.MULTILINE)
        assert replaced == 1, script
    count = len(json.loads(metadata_path(path).read_text())["outputs"])
    names = ["y"] if count == 1 else [f"y{i}" for i in range(count)]
    script += f"\nnp.savez({str(folder / 'found.npz')!r}, {', '.join(names)})\n"
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=path.parent, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    with np.load(folder / "found.npz") as stored:
        return [stored[name] for name in stored.files], done.stdout


def of_the_file(path, given):
    with Artifact(path) as artifact:
        found = artifact.run(given)
        return [in_values(y, end) for y, end in zip(found, artifact.outputs, strict=True)]


@pytest.mark.parametrize("name", FILES)
def test_its_program_gives_what_the_file_gives(finished_run, tmp_path, name):
    path = finished_run / name
    pixels = np.random.default_rng(0).integers(0, 256, (1, 32, 32, 1), np.uint8)
    (found,), printed = program(path, [pixels], tmp_path)
    (wanted,) = of_the_file(path, [pixels])
    np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-6)  # the same engine
    assert printed.split() == [str(wanted.argmax())]


@pytest.mark.parametrize("io", ["int8", pytest.param("float32", marks=pytest.mark.full)])
def test_other_ends_are_fed_as_they_take_it(own_run, tmp_path, io):
    made = export.deliver(own_run, ["tflite"], recipe="static_wi8_ai8", io=io)
    pixels = np.random.default_rng(0).integers(0, 256, (1, 32, 32, 1), np.uint8)
    (found,), _ = program(made[0].path, [pixels], tmp_path)
    given = pixels.astype("float32") if io == "float32" else (pixels.astype("int16") - 128)
    (wanted,) = of_the_file(made[0].path, [given.astype(io)])
    np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("kind", ["tflite", "onnx"])
@pytest.mark.parametrize(
    "recipe", ["float32", pytest.param("static_wi8_ai8", marks=pytest.mark.full)]
)
def test_several_inputs_of_floats(tmp_path, kind, recipe):
    a, b = keras.Input((6,), name="a.b"), keras.Input((4,), name="b")
    joined = layers.Concatenate()([layers.Dense(5, activation="relu")(a), b])
    model = keras.Model([a, b], [layers.Dense(3)(joined), layers.Dense(2)(joined)])
    rng = np.random.default_rng(0)
    data = [rng.normal(size=(50, n)).astype("float32") for n in (6, 4)]
    out = {"out": tmp_path, "recipe": recipe}
    (made,) = export.deliver(randomized(model), [kind], evidence=data, **out)
    samples = [x[:1] for x in data]
    found, _ = program(made.path, samples, tmp_path)
    metadata = json.loads(metadata_path(made.path).read_text())
    named = dict(zip(("a.b", "b"), samples, strict=True))
    given = []
    for end in metadata["inputs"]:
        x = named.get(end["name"], samples[len(given)])
        if end["scale"] is not None:
            x = np.rint(x / np.float64(end["scale"]) + end["zero_point"])
            x = x.clip(0, 255).astype(end["dtype"])
        given.append(x)
    for y, wanted in zip(found, of_the_file(made.path, given), strict=True):
        np.testing.assert_allclose(y, wanted, rtol=1e-5, atol=1e-5)


def test_it_says_what_the_metadata_says(finished_run):
    path = finished_run / "model_int8.tflite"
    text = card_path(path).read_text()
    metadata = json.loads(metadata_path(path).read_text())
    measured = metadata["accuracy"]["validation"]
    assert f"{measured['artifact']:.2%} on {measured['images']:,} validation images" in text
    assert f"{metadata['bytes']:,} bytes" in text and metadata["sha256"] in text
    assert metadata["inputs"][0]["resize"] in text
    assert "Nothing: all layers compute with integers." in text
    assert text.count("| passed |") == sum(not check["informs"] for check in metadata["checks"])
    assert "float file" in card_path(finished_run / "model_float32.onnx").read_text()


def test_it_goes_where_the_file_goes(own_run):
    """A file that fell short takes its card with it."""
    path = own_run / "model_float32.tflite"
    assert card_path(path).exists()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("export.proof.verification.FLOAT_TOLERANCE", -1.0)
        with pytest.raises(export.DeliveryError):
            export.deliver(own_run, ["tflite"], recipe="float32")
    assert not path.exists() and not card_path(path).exists()


def test_names_from_outside_are_no_markup(tmp_path):
    image = keras.Input((8, 8, 1), name="image")
    x = layers.Flatten()(layers.Rescaling(1 / 255)(image))
    model = keras.Model(image, layers.Dense(2)(x), name="own")
    labels = ("<script>|", "](x)\n# owned")
    rng = np.random.default_rng(0)
    data = rng.integers(0, 256, (40, 8, 8, 1)).astype("float32"), np.arange(40) % 2
    (made,) = export.deliver(model, [tmp_path / "a.onnx"], evidence=data, labels=labels)
    text = card_path(made.path).read_text()
    assert "<script>" not in text and "\n# owned" not in text

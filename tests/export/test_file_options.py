"""Options of the files that `convert` writes: opset and batch; and names that collide."""

import json

import keras
import pytest
from keras import layers
from small_networks import randomized

import export
from kerascnn.errors import UserError


def saved(folder, name="mine.keras"):
    image = keras.Input((12, 12, 3), name="image")
    x = layers.Flatten()(layers.Conv2D(4, 3, activation="relu")(image))
    randomized(keras.Model(image, layers.Dense(3)(x))).save(folder / name)
    return folder / name


def metadata(path):
    return json.loads(path.with_name(path.name + ".json").read_text())


def complaint(result):
    code, _, err = result
    assert code == 2, err
    assert len(err.strip().splitlines()) == 1, err
    return err


def test_opset_and_batch_of_a_model_of_ones_own(kerascnn, tmp_path):
    convert = ("convert", saved(tmp_path), "--recipe", "float32", "--to", "tflite", "onnx")
    code, out, err = kerascnn(*convert, "--opset", 19, "--batch", "dynamic")
    assert code == 0, out + err
    made = metadata(tmp_path / "mine_float32.onnx")
    assert made["minimum_runtime"].startswith("ONNX opset 19,")
    assert {o["version"] for o in made["operators"]} == {19}
    for kind in ("tflite", "onnx"):
        assert metadata(tmp_path / f"mine_float32.{kind}")["inputs"][0]["shape"] == [-1, 12, 12, 3]
    assert kerascnn("verify", tmp_path / "mine_float32.onnx")[0] == 0
    assert kerascnn(*convert)[0] == 0
    again = metadata(tmp_path / "mine_float32.onnx")
    assert again["minimum_runtime"].startswith("ONNX opset 17,")
    assert again["inputs"][0]["shape"] == [1, 12, 12, 3]


def test_opset_and_batch_of_a_run(kerascnn, own_run):
    convert = ("convert", own_run, "--recipe", "static_wi8_ai8", "--to", "onnx")
    code, out, err = kerascnn(*convert, "--opset", 21, "--batch", 2)
    assert code == 0, out + err
    made = metadata(own_run / "model_int8_static.onnx")
    assert made["minimum_runtime"].startswith("ONNX opset 21,")
    assert made["inputs"][0]["shape"][0] == 2


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (("onnx", "--opset", "16"), "opset: expected 17 to 25, got 16"),
        (("onnx", "--opset", "26"), "opset: expected 17 to 25, got 26"),
        (("onnx", "--opset", "new"), "Invalid value for '--opset'"),
        (("tflite", "--opset", "18"), "opset 18 is a choice of .onnx files"),
        (("onnx", "--batch", "0"), "expected a number of images or 'dynamic', got '0'"),
        (("onnx", "--batch", "-1"), "expected a number of images or 'dynamic', got '-1'"),
        (("onnx", "--batch", "\N{SUPERSCRIPT TWO}"), "expected a number of images or 'dynamic'"),
    ],
)
def test_options_that_no_file_has(kerascnn, tmp_path, options, line):
    path = saved(tmp_path)
    assert line in complaint(kerascnn("convert", path, "--recipe", "float32", "--to", *options))
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_options_in_python(tmp_path):
    model = keras.saving.load_model(saved(tmp_path))
    with pytest.raises(UserError, match=r"opset 18 is a choice of \.onnx files"):
        export.convert(model, "tflite", opset=18)
    with pytest.raises(UserError, match="opset: expected 17 to 25, got '18'"):
        export.convert(model, "onnx", opset="18")
    for batch in (0, -1, "dynamic", 1.5):
        with pytest.raises(UserError, match="expected a number of images, or None for any, got"):
            export.convert(model, "onnx", batch=batch)


def test_no_file_of_another_recipe_is_replaced(kerascnn, tmp_path):
    path, recipe = saved(tmp_path), tmp_path / "half.yaml"
    recipe.write_text("name: half\nartifact: float32\nquantization: {method: float16}\n")
    assert kerascnn("convert", path, "--recipe", "float32", "--to", "tflite")[0] == 0
    made = tmp_path / "mine_float32.tflite"
    before = made.read_bytes()
    convert = ("convert", path, "--recipe", recipe, "--to", "onnx", "tflite")
    line = complaint(kerascnn(*convert))
    assert "mine_float32.tflite: is there already, made by the recipe float32; remove it" in line
    assert made.read_bytes() == before
    assert not list(tmp_path.glob("*.onnx*"))
    recipe.write_text("name: half\nquantization: {method: float16}\n")
    assert kerascnn(*convert)[0] == 0
    assert {p.name for p in tmp_path.glob("*.tflite")} == {made.name, "mine_half.tflite"}


def test_nor_in_a_run(own_run, tmp_path):
    recipe = tmp_path / "other.yaml"
    recipe.write_text("name: other\nartifact: int8\nquantization: {method: static}\n")
    with pytest.raises(UserError, match=r"model_int8\.tflite: .* made by the recipe quick_int8"):
        export.deliver(own_run, ["tflite"], recipe=recipe)
    (own_run / "model_int8.tflite.json").write_text("{")  # proves nothing any more
    (made,) = export.deliver(own_run, ["tflite"], recipe=recipe)
    assert made.path.name == "model_int8.tflite"

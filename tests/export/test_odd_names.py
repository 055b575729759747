"""Inputs, outputs and layers of any name: quotes, blanks, other scripts."""

import json

import keras
import numpy as np
import onnx
import pytest
from keras import layers

from export.integer_form.names import operation_names
from export.runtimes.tflite_content import read
from kerascnn import export
from kerascnn.errors import UserError

X = np.random.default_rng(0).uniform(-1, 1, (32, 8, 8, 3)).astype("float32")
NAMES = ["it's", "my image", "größe", "日本", "a:b", "x;y", "-x", "_x", "a|b", "<b>"]


def network(name):
    image = keras.Input((8, 8, 3), name=name)
    x = layers.Conv2D(4, 3, activation="relu")(image)
    return keras.Model(image, layers.Dense(4)(layers.Flatten()(x)))


@pytest.mark.parametrize("name", NAMES)
def test_an_input_keeps_its_name_in_float_and_int8_files(tmp_path, name):
    model = network(name)
    for made in (model, export.quantize(model, X)):
        files = [tmp_path / "a.tflite", tmp_path / "a.onnx"]
        assert all(d.passed for d in export.deliver(made, files, evidence=X))
        (end,) = read(files[0]).inputs
        assert (end.name, end.alias) == (name, name)
        assert [end.name for end in onnx.load(files[1]).graph.input] == [name]
        for file in files:
            metadata = json.loads(file.with_name(file.name + ".json").read_text())
            assert [end["name"] for end in metadata["inputs"]] == [name]


def test_names_that_look_alike_to_tensorflow_stay_apart(tmp_path):
    """Two inputs that differ in a blank and a quote; the files take them in the model's order."""
    a, b = keras.Input((8, 8, 3), name="a b"), keras.Input((8, 8, 3), name="a'b")
    joined = layers.Conv2D(2, 3)(layers.Concatenate()([a, layers.Rescaling(3.0)(b)]))
    ends = {
        "o/1": layers.Flatten()(joined),
        "it's; b": layers.GlobalAveragePooling2D()(layers.Conv2D(2, 3)(a)),
    }
    model, data = keras.Model([a, b], ends), [X, X[::-1].copy()]
    for made in (model, export.quantize(model, data)):
        files = [tmp_path / "b.tflite", tmp_path / "b.onnx"]
        assert all(d.passed for d in export.deliver(made, files, evidence=data))
        content = read(files[0])
        assert [end.name for end in content.inputs] == ["a b", "a'b"]
        assert [end.name for end in content.outputs] == ["it's; b", "o/1"]


def test_a_sequence_of_an_odd_name_is_quantized(tmp_path):
    signal = keras.Input((16, 2), name="it's")
    x = layers.GlobalAveragePooling1D()(layers.Conv1D(4, 3, activation="relu")(signal))
    model, data = keras.Model(signal, layers.Dense(3)(x)), X.reshape(-1, 16, 2)
    (made,) = export.deliver(export.quantize(model, data), [tmp_path / "s.tflite"], evidence=data)
    assert made.passed


def test_a_layer_whose_name_cannot_stand_first_is_written(tmp_path):
    image = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, activation="relu", name="_private")(image)
    model = keras.Model(image, layers.Dense(4)(layers.Flatten()(x)))
    for made in (model, export.quantize(model, X)):
        files = [tmp_path / "c.tflite", tmp_path / "c.onnx"]
        assert all(d.passed for d in export.deliver(made, files, evidence=X))


def test_a_layer_that_tensorflow_cannot_run_is_named(tmp_path):
    image = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, name="it's")(image)
    model = keras.Model(image, layers.Dense(4)(layers.Flatten()(x)))
    wanted = "runs no layer called \"it's\".*as 'it_s'"
    with pytest.raises(UserError, match=wanted):
        export.quantize(model, X)
    with pytest.raises(UserError, match=wanted):
        export.deliver(model, [tmp_path / "d.tflite"], evidence=X)
    assert list(tmp_path.iterdir()) == []


def test_names_stay_where_tensorflow_takes_them():
    assert operation_names(["image", "a.b", "x-1"]) == ["image", "a.b", "x-1"]
    assert operation_names(["a b", "a_b", "a'b"]) == ["a_b_2", "a_b", "a_b_3"]
    assert operation_names(["_a", "x_a"]) == ["x_a_2", "x_a"]

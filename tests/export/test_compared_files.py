"""`verify --against` and `debug --against`: a file of any tool beside a model or another file."""

import json

import keras
import numpy as np
import onnx
import pytest
from foreign_files import (
    PIXELS,
    graph,
    like_torch,
    network,
    onnx_of,
    quantized,
    tflite,
    two_heads,
    value,
)
from keras import layers
from onnx import helper

import export
from export.inspection.pairing import Match, Wanted, pair
from export.runtimes.content import End
from kerascnn.errors import UserError

QUICK = ["float32.tflite", "int8.tflite", "float32.onnx", "qdq.onnx"]
MORE = [
    *("float16.tflite", "dynamic.tflite", "int16x8.tflite", "uint8_ends.tflite"),
    *("int8_ends.tflite", "torch.onnx"),
]
FILES = [*QUICK, *(pytest.param(name, marks=pytest.mark.full) for name in MORE)]


def another(model):
    """The same network with a kernel half as large again in its first half of channels."""
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    layer = copy.get_layer("conv")
    kernel, bias = layer.get_weights()
    kernel[..., :8] *= 1.5
    layer.set_weights([kernel, bias])
    return copy


@pytest.mark.parametrize("name", FILES)
def test_a_file_agrees_with_the_model_it_was_made_of_and_with_no_other(foreign, name):
    folder, model = foreign
    found = export.compare(folder / name, model, PIXELS)
    assert found.passed and found.doubt is None, found.checks
    assert [d.name for d in found.differences] == ["scores"]
    assert not export.compare(folder / name, another(model), PIXELS).passed


@pytest.mark.parametrize("name", FILES)
def test_noise_will_do_for_floats_alone(foreign, name):
    """What was calibrated on 0..1 clips other numbers, and would differ."""
    folder, model = foreign
    for against in (model, folder / "float32.onnx"):
        if "int" in name or "qdq" in name:
            with pytest.raises(UserError, match="--images"):
                export.compare(folder / name, against)
        else:
            found = export.compare(folder / name, against)
            assert found.passed and found.noise, found.checks


def test_int8_outputs_are_told_in_steps(foreign):
    folder, model = foreign
    for name in ("int8.tflite", "uint8_ends.tflite", "qdq.onnx"):  # also where the ends are float
        (difference,) = export.compare(folder / name, model, PIXELS).differences
        declared = export.describe(folder / name).content.outputs[0]
        assert difference.step == declared.step
        assert 0 < difference.mean_steps <= difference.most_steps < 30
        assert difference.largest <= (difference.most_steps + 1) * difference.step
    assert export.compare(folder / "float32.tflite", model).differences[0].step is None


def test_channels_first_are_transposed_and_told(foreign):
    folder, model = foreign
    found = export.compare(folder / "torch.onnx", model, PIXELS)
    assert found.passed
    assert "input image: transposed, the file has its channels first" in found.notes
    assert not any("transposed" in n for n in export.compare(folder / "float32.onnx", model).notes)
    beside = export.compare(folder / "torch.onnx", folder / "float32.tflite", PIXELS)
    assert beside.passed and "input image: transposed" in beside.notes[0]
    other_way = export.compare(
        folder / "float32.tflite", folder / "torch.onnx", PIXELS.transpose(0, 3, 1, 2)
    )
    assert other_way.passed and "channels last" in other_way.notes[0]


def test_an_output_of_planes_is_transposed_too(tmp_path):
    """Also where all of its sizes are equal: the input has said which way the file lies."""
    inputs = keras.Input((4, 4, 3))
    model = keras.Model(inputs, layers.Conv2D(4, 1, name="planes")(inputs))
    kernel, bias = model.get_layer("planes").get_weights()
    nodes = [helper.make_node("Conv", ["x", "w", "b"], ["y"])]
    ends = [value("x", "FLOAT", ["n", 3, 4, 4])], [value("y", "FLOAT", ["n", 4, 4, 4])]
    weights = {"w": kernel.transpose(3, 2, 0, 1), "b": bias}
    onnx.save(graph(nodes, *ends, weights), tmp_path / "planes.onnx")
    found = export.compare(tmp_path / "planes.onnx", model)
    assert found.passed and len(found.notes) == 2


def test_inputs_and_outputs_are_paired_by_name_whatever_their_order(tmp_path):
    model = two_heads()
    rng = np.random.default_rng(0)
    given = {
        "left": rng.normal(size=(20, 4)),
        "right": rng.normal(size=(20, 4)),
        "tokens": rng.integers(0, 10, (20, 6)),
    }
    for path in (tflite(tmp_path / "two.tflite", model), onnx_of(tmp_path / "two.onnx", model)):
        found = export.compare(path, model, given)
        assert found.passed, found.checks
        assert [d.name for d in found.differences] == ["first", "second"]
        assert export.compare(path, model).passed  # tokens of noise are tokens


def test_what_names_do_not_tell_is_an_error_that_names_both(tmp_path, kerascnn):
    """Two inputs of one shape with other names; --name says which is which."""
    a, b = keras.Input((4,), name="left"), keras.Input((4,), name="right")
    model = keras.Model([a, b], layers.Subtract(name="difference")([a, b]))
    model.save(tmp_path / "model.keras")
    nodes = [helper.make_node("Sub", ["second", "first"], ["y"])]
    ends = [value(n, "FLOAT", ["n", 4]) for n in ("first", "second")]
    path = tmp_path / "file.onnx"
    onnx.save(graph(nodes, ends, [value("y", "FLOAT", ["n", 4])]), path)
    call = ["verify", path, "--against", tmp_path / "model.keras"]
    code, out, err = kerascnn(*call)
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert all(name in err for name in ("first", "second", "left", "right", "--name"))
    assert kerascnn(*call, "--name", "second=left", "--name", "first=right")[0] == 0
    assert kerascnn(*call, "--name", "first=left", "--name", "second=right")[0] == 1
    code, _, err = kerascnn(*call, "--name", "frist=left")
    assert code == 2 and "did you mean 'first'" in err


def test_inputs_are_told_apart_by_shape_and_by_dtype():
    wanted = [
        Wanted("a", (-1, 4), "float32"),
        Wanted("b", (-1, 4), "int32"),
        Wanted("c", (-1, 8, 8, 3), "float32"),
    ]
    ends = [End("x", (-1, 3, 8, 8), "uint8"), End("y", (-1, -1), "int64"), End("z", (1, 4), "int8")]
    matches = pair(wanted, ends, what="input", files=("model", "file"))
    assert matches == [Match(2), Match(1), Match(0, (0, 3, 1, 2))]
    with pytest.raises(UserError, match="has 2 inputs"):
        pair(wanted, ends[:2], what="input", files=("model", "file"))
    with pytest.raises(UserError, match="do not fit"):
        pair(wanted[:1], ends[:1], what="input", files=("model", "file"))
    named = [End("a", (1, 5), "float32")]
    with pytest.raises(UserError, match="its input a is 1x5, that of model is \\?x4"):
        pair(wanted[:1], named, what="input", files=("model", "file"))


def test_files_of_whole_inputs_are_compared_call_by_call(tmp_path):
    """A scalar beside a table: no axis counts samples."""
    nodes = [helper.make_node("Mul", ["x", "factor"], ["y"])]
    ends = [value("x", "FLOAT", [5, 2]), value("factor", "FLOAT", [])]
    onnx.save(graph(nodes, ends, [value("y", "FLOAT", [5, 2])]), tmp_path / "a.onnx")
    nodes = [helper.make_node("Mul", ["factor", "x"], ["z"]), helper.make_node("Neg", ["z"], ["y"])]
    onnx.save(graph(nodes, ends, [value("y", "FLOAT", [5, 2])]), tmp_path / "b.onnx")
    assert export.compare(tmp_path / "a.onnx", tmp_path / "a.onnx").passed
    assert not export.compare(tmp_path / "a.onnx", tmp_path / "b.onnx").passed
    given = {"x": np.ones((5, 2)), "factor": np.array(3.0)}
    assert export.compare(tmp_path / "a.onnx", tmp_path / "a.onnx", given).samples == 1


def test_outputs_that_are_whole_numbers_must_be_equal(tmp_path):
    inputs = keras.Input((5,))
    model = keras.Model(inputs, keras.ops.argmax(inputs, axis=-1))
    ends = [value("x", "FLOAT", ["n", 5])], [value("y", "INT64", ["n"])]
    for kind, passes in (("ArgMax", True), ("ArgMin", False)):
        nodes = [helper.make_node(kind, ["x"], ["y"], axis=1, keepdims=0)]
        onnx.save(graph(nodes, *ends), tmp_path / "arg.onnx")
        assert export.compare(tmp_path / "arg.onnx", model).passed == passes


def test_fixed_batches_and_open_sizes(foreign, tmp_path):
    folder, model = foreign
    onnx.save(like_torch(model, batch=1), tmp_path / "one.onnx")
    onnx.save(like_torch(model, batch=7), tmp_path / "seven.onnx")
    for name in ("one", "seven"):
        assert export.compare(tmp_path / f"{name}.onnx", model, PIXELS).passed
    assert export.compare(tmp_path / "one.onnx", folder / "float32.onnx", PIXELS).passed
    inputs = keras.Input((None, None, 3))
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(8, 3, activation="relu")(inputs))
    open_model = keras.Model(inputs, layers.Dense(4)(x))
    path = onnx_of(tmp_path / "open.onnx", open_model)
    assert export.describe(path).content.inputs[0].shape == (-1, -1, -1, 3)
    assert export.compare(path, open_model).passed
    assert export.benchmark([path], runs=50)[0].inputs == "1x224x224x3 float32"


def test_targets_decide_what_an_int8_file_is_worth(foreign):
    """On the labels that the model gives itself a good file loses little, a bad one much."""
    folder, model = foreign
    labels = model.predict(PIXELS, verbose=0).argmax(1)
    found = export.compare(folder / "uint8_ends.tflite", model, (PIXELS, labels))
    assert found.passed and found.accuracy["trained"] == 1.0
    assert any(c.name == "points of accuracy lost" for c in found.checks)


def test_the_verbs_say_it(foreign, kerascnn):
    folder, _ = foreign
    call = [folder / "uint8_ends.tflite", "--against", folder / "small.keras"]
    images = ["--images", folder / "images.npz"]
    code, out, err = kerascnn("verify", *call, *images)
    assert (code, err) == (0, "") and "mean steps" in out and "32 inputs" in out
    code, out, err = kerascnn("debug", *call, *images)
    assert (code, err) == (0, "") and "scores" in out
    code, out, err = kerascnn("verify", *call, *images, "--json")
    figures = json.loads(out)
    assert (code, err, figures["passed"]) == (0, "", True)
    assert figures["differences"][0]["most_steps"] >= 1
    other = ["--against", folder / "qdq.onnx", *images]
    code, out, err = kerascnn("verify", folder / "float32.tflite", *other)
    assert (code, err) == (0, "")
    code, out, err = kerascnn("verify", folder / "float32.tflite")
    assert (code, out) == (2, "") and "--against" in err


def test_islands_are_named_beside_the_differences(foreign, tmp_path):
    folder, model = foreign
    path = quantized(tmp_path / "p.onnx", folder / "float32.onnx", op_types_to_quantize=["Conv"])
    found = export.compare(path, model, PIXELS)
    assert found.passed and "MatMul" in {i.operator for i in found.islands}


def test_pixels_go_into_a_file_by_its_own_scale(tmp_path):
    """A model of raw pixels, and a converter that saw only dark ones."""
    inputs = keras.Input((12, 12, 3), name="image")
    inner = network()
    model = keras.Model(inputs, inner(layers.Rescaling(1 / 255)(inputs)))
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([x[None] * 250] for x in PIXELS)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    (tmp_path / "dark.tflite").write_bytes(converter.convert())
    given = np.rint(PIXELS * 250)
    found = export.compare(tmp_path / "dark.tflite", model, given)
    assert found.passed and found.differences[0].most_steps < 20

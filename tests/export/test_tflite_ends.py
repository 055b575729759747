"""The names, the order and the types at the ends of a .tflite file, and what stands between."""

import json

import keras
import numpy as np
import pytest
from keras import layers
from small_networks import pixels, randomized

import export
from export.proof.reference import as_taken
from export.quantization.biases import settle_biases
from export.quantization.quantizer import calibrate, quantized_model
from export.runtimes import Artifact
from kerascnn.errors import UserError
from kerascnn.models.graph import output_names


def two_heads():
    """A late head and an early one; what is called first is not what is computed first."""
    image = keras.Input((12, 12, 3), name="image")
    x = layers.Rescaling(1 / 128, -1.0, name="normalize")(image)
    shared = layers.Conv2D(8, 3, padding="same", use_bias=False, name="shared_conv")
    x = layers.ReLU(name="stem_relu")(
        layers.BatchNormalization(name="stem_bn")(
            layers.Conv2D(8, 3, padding="same", name="stem_conv")(x)
        )
    )
    x = shared(shared(x))
    flat = layers.Flatten(name="flat")(x)
    early = layers.Dense(3, name="early", activation="softmax")(flat)
    x = layers.DepthwiseConv2D(3, name="late_conv_1")(x)
    late = layers.Dense(5, name="late")(layers.GlobalAveragePooling2D(name="pool")(x))
    return randomized(keras.Model(image, [late, early]))


def simulated(model):
    simulated = quantized_model(model)
    calibrate(simulated, [pixels(model)])
    settle_biases(simulated)
    return simulated


@pytest.fixture(scope="module")
def pair():
    keras.utils.set_random_seed(0)
    model = two_heads()
    return {"float": model, "int8": simulated(model)}


def interpreter(data):
    from ai_edge_litert.interpreter import Interpreter

    return Interpreter(model_content=data)


@pytest.mark.parametrize("kind", ["float", "int8"])
def test_outputs_are_called_and_ordered_as_in_keras(pair, kind):
    model = pair[kind]
    found = interpreter(export.convert(model, "tflite"))
    found.allocate_tensors()
    assert [d["name"] for d in found.get_input_details()] == ["image"]
    assert [d["name"] for d in found.get_output_details()] == ["late", "early"]
    assert [list(d["shape"]) for d in found.get_output_details()] == [[1, 5], [1, 3]]
    image = pixels(model, 1)
    run = found.get_signature_runner("serving_default")
    expected = dict(zip(["late", "early"], model(image), strict=True))
    scales = {d["name"]: d["quantization"] for d in found.get_output_details()}
    for name, value in run(image=image.astype("uint8")).items():
        scale, zero_point = scales[name]
        if kind == "int8":
            steps = np.rint(np.asarray(expected[name]) / scale) + zero_point
            assert np.abs(value - steps).max() <= 1  # a half may round either way
        else:
            np.testing.assert_allclose(value, expected[name], atol=1e-4)


def test_the_output_is_called_as_the_model_calls_it(finished_run):
    for name in ("float32", "int8"):
        with Artifact(finished_run / f"model_{name}.tflite") as artifact:
            assert artifact.outputs[0]["name"] == "head_logits"


@pytest.mark.parametrize("kind", ["float", "int8"])
def test_the_names_of_layers_survive(pair, kind):
    """As scopes of tensors: conv/..., not conv_1/... as the converter has it."""
    details = interpreter(export.convert(pair[kind], "tflite")).get_tensor_details()
    names = [d["name"] for d in details]
    scopes = {part.split("/")[0] for name in names for part in name.split(";") if "/" in part}
    assert {"stem_conv", "shared_conv", "late_conv_1", "early", "late", "pool"} <= scopes
    assert not {"stem_conv_1", "late_conv", "late_conv_1_1"} & scopes
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("ends", ["uint8", "int8", "float32"])
def test_an_int8_file_speaks_to_its_app_as_it_is_told(pair, ends, tmp_path):
    model = keras.Model(pair["int8"].inputs, pair["int8"].outputs[0])
    path, images = tmp_path / "model.tflite", pixels(model).astype("uint8")
    path.write_bytes(export.convert(model, "tflite", io=ends))
    with Artifact(path) as artifact:
        end = artifact.outputs[0]
        assert artifact.inputs[0]["dtype"] == end["dtype"] == ends
        assert end["name"] == output_names(model)[0]
        names = {o["name"] for o in artifact.operators}
        assert ("QUANTIZE" in names, "DEQUANTIZE" in names) == (ends != "int8", ends == "float32")
        outputs = artifact.run([as_taken(images, artifact.inputs[0], True)])[0].astype("float32")
    if ends != "float32":
        outputs = (outputs - end["zero_point"]) * end["scale"]
    logits = model.predict(images.astype("float32"), verbose=0)
    step = (logits.max() - logits.min()) / 255  # of the images it was calibrated on: no clipping
    assert (np.abs(outputs - logits) <= 1.01 * step).mean() >= 0.99  # halves round either way


def test_weights_stand_where_processors_want_them(pair):
    from ai_edge_litert import schema_py_generated as schema

    data = export.convert(pair["int8"], "tflite")
    model = schema.Model.GetRootAs(data, 0)
    starts = []
    for index in range(model.BuffersLength()):
        field = model.Buffers(index)._tab.Offset(4)
        if field:
            starts.append(model.Buffers(index)._tab.Vector(field))
    assert len(starts) > 5
    assert all(start % 16 == 0 for start in starts)


@pytest.mark.parametrize("ends", ["int8", pytest.param("float32", marks=pytest.mark.full)])
def test_the_ends_are_an_option_that_is_recorded_and_verified(kerascnn, own_run, ends):
    call = ("convert", own_run, "--to", "tflite", "--recipe", "static_wi8_ai8", "--io", ends)
    code, _, err = kerascnn(*call)
    assert code == 0, err
    metadata = json.loads((own_run / "model_int8_static.tflite.json").read_text())
    assert metadata["inputs"][0]["dtype"] == metadata["outputs"][0]["dtype"] == ends
    less = " less 128" if ends == "int8" else ""
    assert "outputs within 1 step of the simulation" in [c["name"] for c in metadata["checks"]]
    assert metadata["inputs"][0]["values"].startswith(f"raw pixels{less}, ")
    assert kerascnn("verify", own_run / "model_int8_static.tflite")[0] == 0


@pytest.mark.parametrize(
    ("recipe", "kind", "ends", "line"),
    [
        ("float32", "tflite", "int8", "float32: io 'int8' is a choice of int8 files"),
        ("static_wi8_ai8", "onnx", "int8", "io 'int8' is a choice of .tflite files"),
        ("static_wi8_ai8", "tflite", "int9", "unknown type of the ends 'int9'; did you mean"),
    ],
)
def test_ends_that_a_file_cannot_have(kerascnn, own_run, recipe, kind, ends, line):
    call = ("convert", own_run, "--to", kind, "--recipe", recipe, "--io", ends)
    code, _, err = kerascnn(*call)
    assert code == 2
    assert line in err


def test_a_float_file_takes_floats_where_it_is_told(kerascnn, own_run):
    """TFLite Micro's CAST reads no uint8: such a file has none."""
    call = ("convert", own_run, "--to", "tflite", "--recipe", "float32", "--io", "float32")
    code, _, err = kerascnn(*call)
    assert code == 0, err
    path = own_run / "model_float32.tflite"
    with Artifact(path) as artifact:
        assert artifact.inputs[0]["dtype"] == "float32"
        assert "CAST" not in {operator["name"] for operator in artifact.operators}
    metadata = json.loads((own_run / "model_float32.tflite.json").read_text())
    assert metadata["inputs"][0]["dtype"] == "float32"
    assert metadata["inputs"][0]["values"].startswith("raw pixels, ")
    assert kerascnn("verify", path)[0] == 0


def test_ends_of_a_float_model(pair):
    with pytest.raises(UserError, match="is a choice of int8 files; this one is float"):
        export.convert(pair["float"], "tflite", io="int8")


def test_equal_zero_points_stand_once_in_an_int8_file(pair):
    """Any reader of flatbuffers follows two references to one place; the same file results."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    data = export.convert(pair["int8"], "tflite")
    model = schema.ModelT.InitFromPackedBuf(data, 0)
    points = [x.quantization.zeroPoint for x in model.subgraphs[0].tensors]
    points = [len(x) for x in points if x is not None]
    several = {n for n in points if n > 1}
    builder = flatbuffers.Builder(len(data))
    builder.Finish(model.Pack(builder), b"TFL3")
    spared = len(builder.Output()) - len(data)
    assert spared >= 8 * (sum(n for n in points if n > 1) - sum(several))  # int64, one of a length
    again = [interpreter(content) for content in (data, bytes(builder.Output()))]
    images = pixels(pair["int8"], 4).astype("uint8")
    for mine, other in zip(*(outputs_of(x, images) for x in again), strict=True):
        np.testing.assert_array_equal(mine, other)


def outputs_of(lite, images):
    lite.allocate_tensors()
    for image in images:
        lite.set_tensor(lite.get_input_details()[0]["index"], image[None])
        lite.invoke()
        yield from [lite.get_tensor(x["index"]) for x in lite.get_output_details()]

"""`kerascnn describe` and `benchmark` on files that other tools wrote, whatever their ends are."""

import gzip
import json

import numpy as np
import onnx
import pytest
import tensorflow as tf
from foreign_files import (
    from_function,
    graph,
    like_torch,
    network,
    onnx_of,
    quantized,
    tflite,
    two_heads,
    value,
)
from onnx import helper

import export
from export.runtimes import Artifact
from kerascnn.errors import UserError


@pytest.mark.parametrize(
    ("name", "arithmetic"),
    [
        ("float32.tflite", "float32"),
        pytest.param("float16.tflite", "float16", marks=pytest.mark.full),
        ("dynamic.tflite", "dynamic"),
        pytest.param("int16x8.tflite", "int16x8", marks=pytest.mark.full),
        pytest.param("uint8_ends.tflite", "int8", marks=pytest.mark.full),
        ("int8.tflite", "int8"),
        pytest.param("float32.onnx", "float32", marks=pytest.mark.full),
        ("qdq.onnx", "int8"),
        ("qoperator.onnx", "int8"),
        pytest.param("torch.onnx", "float32", marks=pytest.mark.full),
    ],
)
def test_a_file_is_described_by_what_it_computes_in(foreign, name, arithmetic):
    folder, _ = foreign
    found = export.describe(folder / name)
    data = (folder / name).read_bytes()
    assert found.content.arithmetic == arithmetic
    assert (found.bytes, found.gzip_bytes) == (len(data), len(gzip.compress(data, 9, mtime=0)))
    assert found.engine is not None and found.refusal is None
    convolutions = [o for o in found.content.operators if "conv" in o["name"].lower()]
    assert [o["count"] for o in convolutions] == [1]
    assert found.content.islands == ()
    assert found.content.minimum_runtime


def test_ends_tell_their_quantization(foreign):
    folder, _ = foreign
    ends = export.describe(folder / "uint8_ends.tflite").content
    (image,), (scores,) = ends.inputs, ends.outputs
    assert (image.alias, image.shape, image.dtype) == ("image", (-1, 12, 12, 3), "uint8")
    assert image.scale == pytest.approx(1 / 255, rel=0.02) and image.zero_point == 0
    assert scores.scale is not None and scores.channels is None
    assert ends.scales[0] >= 1  # the convolution has a scale a channel
    (floats,) = export.describe(folder / "int8.tflite").content.inputs
    assert (floats.dtype, floats.scale) == ("float32", None)
    assert floats.step == pytest.approx(image.scale)  # of the integers behind it


def test_float_islands_of_int8_files_are_named(tmp_path):
    """A TFLite file with a sine between integers; an ONNX file whose Softmax is not quantized."""

    def island(x):
        kernel = tf.constant(np.random.default_rng(0).normal(size=(3, 3, 3, 8)), tf.float32)
        y = tf.nn.relu(tf.nn.conv2d(x, kernel, 1, "VALID"))
        return tf.nn.relu(tf.nn.conv2d(tf.sin(y)[..., :3], kernel, 1, "VALID"))

    traced = tf.function(island).get_concrete_function(tf.TensorSpec((1, 12, 12, 3)))
    converter = tf.lite.TFLiteConverter.from_concrete_functions([traced])
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    rng = np.random.default_rng(0)
    converter.representative_dataset = lambda: (
        [rng.uniform(0, 1, (1, 12, 12, 3)).astype("float32")] for _ in range(8)
    )
    path = tmp_path / "island.tflite"
    path.write_bytes(converter.convert())
    found = export.describe(path).content
    assert found.arithmetic == "int8"
    assert [i.operator for i in found.islands] == ["SIN"] and "Sin" in found.islands[0].tensor

    source = onnx_of(tmp_path / "plain.onnx", network())
    partly = quantized(tmp_path / "partly.onnx", source, op_types_to_quantize=["Conv"])
    found = export.describe(partly).content
    assert found.arithmetic == "int8"
    assert {"MatMul"} <= {i.operator for i in found.islands} and "Conv" not in {
        i.operator for i in found.islands
    }


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (tf.linalg.det, "FlexMatrixDeterminant"),
        (lambda x: tf.raw_ops.Betainc(a=x, b=x, x=x), "Betainc"),
    ],
)
def test_operators_that_litert_lacks_are_described_and_refused_by_name(
    tmp_path, kerascnn, function, name
):
    """Of TensorFlow (Flex), and custom ones."""
    path = from_function(tmp_path / "strange.tflite", function, tf.TensorSpec((4, 4)))
    found = export.describe(path)
    assert found.content.foreign == (name,)
    assert found.engine is None and name in found.refusal
    code, out, _ = kerascnn("describe", path)
    assert code == 0 and f"operators of others: {name}" in out
    for rest in (["benchmark", path], ["verify", path, "--against", path]):
        code, out, err = kerascnn(*rest)
        assert (code, out, len(err.splitlines())) == (2, "", 1)
        assert name in err


def test_operators_of_other_domains(tmp_path):
    ends = [value("x", "FLOAT", ["n", 4])], [value("y", "FLOAT", ["n", 4])]
    known = graph(
        [helper.make_node("FastGelu", ["x"], ["y"], domain="com.microsoft")],
        *ends,
        domains=["com.microsoft"],
    )
    onnx.save(known, tmp_path / "known.onnx")
    found = export.describe(tmp_path / "known.onnx")
    assert found.content.operators == [{"name": "com.microsoft.FastGelu", "version": 1, "count": 1}]
    assert found.refusal is None and "com.microsoft 1" in found.content.minimum_runtime
    strange = graph(
        [helper.make_node("Mystery", ["x"], ["y"], domain="org.nobody")],
        *ends,
        domains=["org.nobody"],
    )
    onnx.save(strange, tmp_path / "strange.onnx")
    found = export.describe(tmp_path / "strange.onnx")
    assert found.content.foreign == ("org.nobody.Mystery",) and "Mystery" in found.refusal


def test_graphs_inside_graphs_are_counted(tmp_path):
    """While and If have bodies of their own."""
    path = from_function(
        tmp_path / "loop.tflite",
        lambda x: tf.while_loop(
            lambda i, v: i < 3, lambda i, v: (i + 1, tf.sin(v) * v), [tf.constant(0), x]
        )[1],
        tf.TensorSpec((1, 4)),
    )
    found = export.describe(path).content
    assert len(found.graphs) == 3  # the main one, the condition, the body
    assert {o["name"]: o["count"] for o in found.operators}["SIN"] == 1
    then, other = (
        helper.make_graph([helper.make_node(op, ["x"], ["z"])], op, [], [value("z", "FLOAT", [4])])
        for op in ("Sin", "Cos")
    )
    branch = helper.make_node("If", ["flag"], ["y"], then_branch=then, else_branch=other)
    ends = [value("flag", "BOOL", []), value("x", "FLOAT", [4])], [value("y", "FLOAT", [4])]
    onnx.save(graph([branch], *ends), tmp_path / "if.onnx")
    names = {o["name"] for o in export.describe(tmp_path / "if.onnx").content.operators}
    assert names == {"If", "Sin", "Cos"}
    (timing,) = export.benchmark([tmp_path / "if.onnx"], runs=50)
    assert timing.inputs == "scalar bool, 4 float32"


@pytest.mark.parametrize("kind", ["INT32", "INT64", "BOOL", "FLOAT16", "DOUBLE", "UINT8", "INT8"])
def test_inputs_of_any_number_are_timed_and_run(tmp_path, kind):
    nodes = [helper.make_node("Cast", ["x"], ["y"], to=onnx.TensorProto.FLOAT)]
    ends = [value("x", kind, ["n", 3])], [value("y", "FLOAT", ["n", 3])]
    onnx.save(graph(nodes, *ends), tmp_path / "cast.onnx")
    (timing,) = export.benchmark([tmp_path / "cast.onnx"], runs=50)
    with Artifact(tmp_path / "cast.onnx") as artifact:
        assert timing.inputs == f"1x3 {artifact.inputs[0]['dtype']}"
        given = np.array([[0, 1, 1], [1, 0, 0]]).astype(artifact.inputs[0]["dtype"])
        assert (artifact.run([given])[0] == given).all()


def test_numbers_of_rows_stay_within_a_table(tmp_path):
    """Random integers go into a Gather over five rows."""
    table = np.arange(10, dtype="float32").reshape(5, 2)
    nodes = [helper.make_node("Gather", ["table", "x"], ["y"])]
    ends = [value("x", "INT64", ["n", "length"])], [value("y", "FLOAT", ["n", "length", 2])]
    onnx.save(graph(nodes, *ends, {"table": table}), tmp_path / "gather.onnx")
    (timing,) = export.benchmark([tmp_path / "gather.onnx"], runs=50)
    assert timing.inputs == "1x224 int64"  # an open size is tried as an image's first


def test_an_open_size_that_does_not_run_gives_way_to_a_smaller(tmp_path):
    """Positions are there for fifty tokens alone."""
    positions = np.ones((50, 2), "float32")
    nodes = [
        helper.make_node("Shape", ["x"], ["shape"]),
        helper.make_node("Gather", ["shape", "one"], ["length"]),
        helper.make_node("Sub", ["length", "one"], ["last"]),
        helper.make_node("Gather", ["table", "last"], ["row"]),
        helper.make_node("Add", ["x", "row"], ["y"]),
    ]
    ends = [value("x", "FLOAT", ["n", "length", 2])], [value("y", "FLOAT", ["n", "length", 2])]
    made = graph(nodes, *ends, {"table": positions, "one": np.array(1)})
    onnx.save(made, tmp_path / "positions.onnx")
    (timing,) = export.benchmark([tmp_path / "positions.onnx"], runs=50)
    assert timing.inputs == "1x32x2 float32"


def test_strings_are_refused_in_one_line(tmp_path, kerascnn):
    nodes = [helper.make_node("Identity", ["x"], ["y"])]
    ends = [value("x", "STRING", ["n"])], [value("y", "STRING", ["n"])]
    onnx.save(graph(nodes, *ends), tmp_path / "words.onnx")
    assert export.describe(tmp_path / "words.onnx").content.inputs[0].dtype == "string"
    for verb in (["benchmark"], ["verify", "--against", tmp_path / "words.onnx"]):
        code, out, err = kerascnn(verb[0], tmp_path / "words.onnx", *verb[1:])
        assert (code, out, len(err.splitlines())) == (2, "", 1)
        assert "x is of string" in err


def test_nothing_in_an_array_is_still_an_array(tmp_path):
    nodes = [helper.make_node("Concat", ["x", "x"], ["y"], axis=1)]
    ends = [value("x", "FLOAT", [1, 0, 3])], [value("y", "FLOAT", [1, 0, 3])]
    onnx.save(graph(nodes, *ends), tmp_path / "empty.onnx")
    assert export.benchmark([tmp_path / "empty.onnx"], runs=50)[0].inputs == "1x0x3 float32"
    assert export.compare(tmp_path / "empty.onnx", tmp_path / "empty.onnx").passed


@pytest.mark.parametrize("suffix", ["tflite", "onnx"])
@pytest.mark.parametrize("data", [b"", b"TFL3", b"\0\0\0\0TFL3" + bytes(50), b"\x08\x08", b"{}"])
def test_a_file_that_is_none_is_refused_in_one_line(tmp_path, kerascnn, suffix, data):
    path = tmp_path / f"none.{suffix}"
    path.write_bytes(data)
    for verb in ("describe", "benchmark"):
        code, out, err = kerascnn(verb, path)
        assert (code, out, len(err.splitlines())) == (2, "", 1), err
        assert str(path) in err


def test_weights_beside_a_file_are_read_from_its_own_folder_alone(tmp_path, kerascnn):
    model = network()
    beside, inside = tmp_path / "beside", tmp_path / "inside.onnx"
    beside.mkdir()
    onnx.save(like_torch(model), inside)
    path = beside / "model.onnx"
    onnx.save(
        like_torch(model),
        path,
        save_as_external_data=True,
        location="weights.bin",
        size_threshold=64,
        convert_attribute=True,
    )
    found = export.describe(path)
    assert found.content.external == ("weights.bin",) and found.refusal is None
    assert found.bytes == path.stat().st_size + (beside / "weights.bin").stat().st_size
    assert export.compare(path, inside).passed
    secret = tmp_path / "secret.bin"
    secret.write_bytes((beside / "weights.bin").read_bytes())
    for location in ("../secret.bin", str(secret), "link.bin", "missing.bin"):
        changed = onnx.load(path, load_external_data=False)
        for tensor in changed.graph.initializer:
            for entry in tensor.external_data:
                if entry.key == "location":
                    entry.value = location
        (beside / "changed.onnx").write_bytes(changed.SerializeToString())
        (beside / "link.bin").unlink(missing_ok=True)
        (beside / "link.bin").symlink_to(secret)
        for verb in ("describe", "benchmark"):
            code, out, err = kerascnn(verb, beside / "changed.onnx")
            assert (code, out, len(err.splitlines())) == (2, "", 1), err
            assert location in err


def test_signatures_are_listed(tmp_path):
    class Two(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((1, 2), name="x")])
        def twice(self, x):
            return {"doubled": 2 * x}

        @tf.function(input_signature=[tf.TensorSpec((1, 2), name="x")])
        def thrice(self, x):
            return {"tripled": 3 * x}

    module = Two()
    chosen = {"twice": module.twice, "thrice": module.thrice}
    tf.saved_model.save(module, tmp_path / "saved", signatures=chosen)
    path = tmp_path / "two.tflite"
    path.write_bytes(
        tf.lite.TFLiteConverter.from_saved_model(
            str(tmp_path / "saved"), signature_keys=list(chosen)
        ).convert()
    )
    found = export.describe(path).content.signatures
    assert {k: (list(i), list(o)) for k, (i, o) in found.items()} == {
        "twice": (["x"], ["doubled"]),
        "thrice": (["x"], ["tripled"]),
    }
    notes = export.compare(path, path).notes
    assert any("first signature" in note for note in notes)


def test_describe_takes_a_name_a_keras_file_and_a_file(kerascnn, foreign):
    folder, _ = foreign
    for name, word in (
        ("lenet5", "Dense"),
        (folder / "small.keras", "conv"),
        (folder / "qdq.onnx", "Conv"),
    ):
        code, out, err = kerascnn("describe", name)
        assert (code, err) == (0, "") and word in out
        code, out, err = kerascnn("describe", name, "--json")
        assert (code, err) == (0, "") and isinstance(json.loads(out), dict)
    figures = json.loads(kerascnn("describe", folder / "uint8_ends.tflite", "--json")[1])
    assert figures["content"]["inputs"][0]["dtype"] == "uint8"
    code, out, err = kerascnn("describe", "lenet55")
    assert (code, out) == (2, "") and "lenet5" in err


def test_several_inputs_are_timed(tmp_path):
    (timing,) = export.benchmark([tflite(tmp_path / "two.tflite", two_heads())], runs=50)
    assert sorted(timing.inputs.split(", ")) == ["1x4 float32", "1x4 float32", "1x6 int32"]
    with pytest.raises(UserError, match="at least 50"):
        export.benchmark([tmp_path / "two.tflite"], runs=5)

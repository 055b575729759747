"""The main job, seen from its end: files that are what their metadata say."""

import gzip
import hashlib
import json

import numpy as np
import pytest

import export
from export.runtimes import Artifact
from export.runtimes.benchmarking import record
from kerascnn.training import open_run

FILES = ["model_float32.tflite", "model_int8.tflite", "model_float32.onnx", "model_int8.onnx"]


@pytest.fixture(scope="module")
def test_images(finished_run):
    data = open_run(finished_run).data()
    return data.pixels(data.test), data.test.labels


@pytest.mark.parametrize("name", FILES)
def test_raw_pixels_in_and_labels_out(finished_run, test_images, name):
    """Whoever feeds the bytes of an image gets the accuracy of training: no normalization."""
    images, labels = test_images
    trained = open_run(finished_run).model().predict(images.astype("float32"), verbose=0)
    with Artifact(finished_run / name) as artifact:
        assert artifact.inputs[0]["dtype"] == "uint8"
        assert artifact.inputs[0]["shape"] == [1, 32, 32, 1]
        reached = (artifact.run([images])[0].argmax(1) == labels).mean()
    assert reached >= (trained.argmax(1) == labels).mean() - 0.03  # the recipe allows 3 points


@pytest.mark.parametrize("name", FILES)
def test_the_metadata_speaks_of_this_file(finished_run, name):
    path = finished_run / name
    metadata = json.loads((finished_run / f"{name}.json").read_text())
    assert metadata["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert metadata["gzip_bytes"] == len(gzip.compress(path.read_bytes(), 9, mtime=0))
    assert metadata["outputs"][0]["labels"] == [str(d) for d in range(10)]
    assert metadata["inputs"][0]["resize"].startswith("bilinear")
    assert all(check["passed"] for check in metadata["checks"])
    assert {o["name"] for o in metadata["operators"]} & {"CONV_2D", "Conv"}
    assert metadata["minimum_runtime"]


def test_normalization_is_the_quantization_of_the_input(finished_run):
    """(pixel - 128) / 128, exactly: scale 1/128, zero point 128."""
    for name in ("model_int8.tflite", "model_int8.onnx"):
        metadata = json.loads((finished_run / f"{name}.json").read_text())
        assert metadata["inputs"][0]["scale"] == 1 / 128
        assert metadata["inputs"][0]["zero_point"] == 128


def test_half_of_the_int8_weights_are_zero(finished_run):
    from ai_edge_litert.interpreter import Interpreter

    from export.constraints.kernels import sparsity

    model = open_run(finished_run).path / "quick_int8" / "model.keras"
    from kerascnn.training import load_model

    assert sparsity(load_model(model)) >= 0.5
    interpreter = Interpreter(str(finished_run / "model_int8.tflite"))
    interpreter.allocate_tensors()
    weights = [
        interpreter.get_tensor(d["index"])
        for d in interpreter.get_tensor_details()
        if d["dtype"] is np.int8
        and len(d["shape"]) > 1
        and "FakeQuant" in d["name"]
        and d["shape"][0] > 1
    ]
    zeros = sum((w == 0).sum() for w in weights) / sum(w.size for w in weights)
    assert zeros >= 0.5


def test_int8_files_hold_no_float_weights_and_are_smaller(finished_run):
    sizes = {name: (finished_run / name).stat().st_size for name in FILES}
    assert sizes["model_int8.tflite"] < sizes["model_float32.tflite"] / 3
    assert sizes["model_int8.onnx"] < sizes["model_float32.onnx"] / 3


def test_both_int8_files_give_the_same_integers(finished_run, test_images):
    outputs = []
    for name in ("model_int8.tflite", "model_int8.onnx"):
        with Artifact(finished_run / name) as artifact:
            outputs.append(artifact.run([test_images[0]])[0].astype(int))
    steps = np.abs(outputs[0] - outputs[1])
    assert (steps <= 1).mean() >= 0.99  # tanh: a table here, a formula there


@pytest.mark.parametrize("name", FILES)
def test_verify_agrees(kerascnn, finished_run, name):
    code, out, _ = kerascnn("verify", finished_run / name)
    assert code == 0
    assert "FAILED" not in out


@pytest.mark.parametrize("kind", ["tflite", "onnx"])
@pytest.mark.parametrize("recipe", ["float", "int8"])
def test_a_dynamic_batch_runs_any_number(finished_run, test_images, tmp_path, kind, recipe):
    from kerascnn.training import load_model

    run = open_run(finished_run)
    folder = run.path if recipe == "float" else run.path / "quick_int8"
    model = load_model(folder / "model.keras")
    path = tmp_path / f"dynamic.{kind}"
    path.write_bytes(export.convert(model, kind, batch=None))
    images = test_images[0][:7]
    with Artifact(path) as artifact:
        assert artifact.inputs[0]["shape"][0] == -1
        together = artifact.run([images])[0]
        one_by_one = np.concatenate([artifact.run([images[i : i + 1]])[0] for i in range(7)])
    np.testing.assert_allclose(together.astype(float), one_by_one.astype(float), atol=1e-4)


def test_benchmark_takes_turns_and_says_what_it_measured(finished_run):
    paths = [finished_run / "model_float32.tflite", finished_run / "model_int8.onnx"]
    timings = export.benchmark(paths, runs=50)
    for timing in timings:
        assert timing.runs >= 50
        assert 0 < timing.minimum <= timing.median <= timing.p90
    written = record(timings)
    assert written["evidence"] == "measured"
    assert written["machine"]["cpu"] and written["date"]
    assert [t["engine"] for t in written["timings"]] == ["LiteRT", "ONNX Runtime"]


def test_predict_reads_a_picture(kerascnn, finished_run, test_images, tmp_path):
    import tensorflow as tf

    images, _ = test_images
    path = tmp_path / "digit.png"
    path.write_bytes(tf.io.encode_png(images[0]).numpy())
    code, out, _ = kerascnn("predict", finished_run, path)
    assert code == 0
    answer = open_run(finished_run).model().predict(images[:1].astype("float32"), verbose=0)
    assert f" {answer.argmax()} " in out


def test_evaluate_counts_the_confusion(finished_run):
    found = json.loads((finished_run / "evaluation.json").read_text())
    confusion = np.array(found["confusion"])
    assert confusion.sum() == found["images"] == 500
    assert np.trace(confusion) / 500 == pytest.approx(found["top1"])


def test_every_verb_has_help_with_an_example(kerascnn):
    verbs = "models chart describe train evaluate predict compress convert verify debug benchmark"
    for verb in [*verbs.split(), "report", "demo", "sensitivity", "pack", "unpack"]:
        code, out, _ = kerascnn(verb, "--help")
        assert code == 0
        assert f"Example: kerascnn {verb}" in " ".join(out.split())

"""Quantization without training: one command, from a trained run to files that are proven."""

import json
import shutil

import numpy as np
import pytest

import export
from export.delivery.deliver import deliver
from export.delivery.preparation import prepared
from export.proof.checks import NOISE
from export.proof.verification import judge
from export.recipes.recipe import load_recipe
from export.runtimes import Artifact
from export.subject.opening import open_subject
from kerascnn.errors import UserError
from kerascnn.training import open_run

RECIPES = {
    "static_wi8_ai8": ("tflite", "onnx"),
    "static_wi8_ai8_per_tensor": ("tflite", "onnx"),
    "dynamic_wi8": ("tflite",),
    "float16": ("tflite",),
    "static_wi8_ai16": ("tflite",),
}


@pytest.fixture(scope="module")
def converted(finished_run, tmp_path_factory):
    """A run with the files of every recipe that does not train; recipe -> its deliveries."""
    run = open_run(shutil.copytree(finished_run, tmp_path_factory.mktemp("converted") / "run"))
    return {name: deliver(run, formats, recipe=name) for name, formats in RECIPES.items()}


@pytest.mark.parametrize("name", RECIPES)
def test_a_trained_run_is_converted_without_compressing_it_first(converted, name):
    for delivery in converted[name]:
        assert delivery.verdict.passed, delivery
        assert delivery.path.exists()
        metadata = json.loads((delivery.path.parent / f"{delivery.path.name}.json").read_text())
        assert metadata["recipe"]["name"] == name
        images = {"static_wi8_ai8": 512, "static_wi8_ai16": 512}.get(name.split("_per_")[0])
        assert (metadata["calibration"] or {}).get("samples") == images


def test_both_files_of_a_static_recipe_come_from_one_simulation(converted):
    tflite, onnx = converted["static_wi8_ai8"]
    for delivery in (tflite, onnx):
        names = [check.name for check in delivery.verdict.checks]
        assert "outputs within 1 step of the simulation" in names
    run = open_run(tflite.path.parent)
    data = run.data()
    images = data.pixels(data.test)
    outputs = []
    for delivery in (tflite, onnx):
        with Artifact(delivery.path) as artifact:
            outputs.append(artifact.run([images])[0].astype(int))
    assert (np.abs(outputs[0] - outputs[1]) <= 1).mean() >= 0.99  # tanh: a table here, a formula


def test_sizes_and_types_are_those_of_the_method(converted):
    from ai_edge_litert.interpreter import Interpreter

    folder = converted["float16"][0].path.parent
    whole = (folder / "model_float32.tflite").stat().st_size
    kinds = {}
    for name, delivery in ((n, d[0]) for n, d in converted.items()):
        interpreter = Interpreter(str(delivery.path))
        details = interpreter.get_tensor_details()
        kinds[name] = {np.dtype(d["dtype"]).name for d in details if len(d["shape"]) > 1}
        share = delivery.path.stat().st_size / whole
        assert share < (0.6 if name == "float16" else 0.45), name  # a small network: names count
    assert "float16" in kinds["float16"]
    assert {"int8", "float32"} <= kinds["dynamic_wi8"]
    assert {"int8", "int16"} <= kinds["static_wi8_ai16"]
    assert "float32" not in kinds["static_wi8_ai8"]


def test_one_scale_a_kernel_is_one_scale_a_kernel(converted):
    from ai_edge_litert.interpreter import Interpreter

    for name, several in (("static_wi8_ai8", True), ("static_wi8_ai8_per_tensor", False)):
        interpreter = Interpreter(str(converted[name][0].path))
        scales = [
            len(d["quantization_parameters"]["scales"])
            for d in interpreter.get_tensor_details()
            if d["dtype"] is np.int8
        ]
        assert any(count > 1 for count in scales) == several


def test_a_static_file_is_verified_again_by_the_same_ranges(kerascnn, converted):
    for name in ("static_wi8_ai8", "static_wi8_ai16", "dynamic_wi8"):
        code, out, _ = kerascnn("verify", converted[name][0].path)
        assert code == 0, out


def test_the_same_seed_draws_the_same_training_images(finished_run):
    subject = open_subject(finished_run)
    first, again, other = (subject.calibration(50, seed).inputs[0] for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    whole, data = subject.calibration(10**6, 0), subject.data
    assert len(first) == 50 and len(whole) == len(data.train)  # never more than there are
    training = {image.tobytes() for image in data.pixels(data.train)}
    assert {image.tobytes() for image in first} <= training


@pytest.mark.parametrize("name", ["float16", "dynamic_wi8", "static_wi8_ai16"])
def test_noise_beyond_what_a_method_adds_does_not_pass(converted, name):
    delivery, recipe = converted[name][0], load_recipe(name)
    expected, moved = (prepared(open_subject(delivery.path.parent), recipe) for _ in range(2))
    (logits,) = expected.outputs
    limit = NOISE[recipe.method] * logits.std()
    moved.outputs[0][:] += np.random.default_rng(0).normal(0, 2 * limit, logits.shape)
    with Artifact(delivery.path) as artifact:
        assert judge(artifact, expected).passed
        failed = [c.name for c in judge(artifact, moved).checks if not c.passed]
    assert "noise of the outputs" in failed


@pytest.mark.parametrize("name", ["dynamic_wi8", "static_wi8_ai16"])
def test_what_onnx_has_not_is_said_before_anything_is_written(kerascnn, own_run, name):
    before = sorted(own_run.iterdir())
    code, _, err = kerascnn("convert", own_run, "--to", "tflite", "onnx", "--recipe", name)
    assert code == 2
    assert "makes no .onnx file: ONNX Runtime has no" in err
    assert "static_wi8_ai8" in err
    assert sorted(own_run.iterdir()) == before


def test_a_compression_that_would_train_nothing_names_the_way(kerascnn, own_run):
    code, _, err = kerascnn("compress", own_run, "--recipe", "static_wi8_ai8")
    assert code == 2
    assert "nothing to train; kerascnn convert" in err
    assert not (own_run / "static_wi8_ai8").exists()


def test_a_pruned_network_is_quantized_without_training(kerascnn, own_run, tmp_path):
    from export.constraints.kernels import sparsity

    path = tmp_path / "own.yaml"
    path.write_text(
        "name: pruned\nartifact: pruned\nmax_drop: 100\nquantization: {method: static}\n"
        "pruning: {sparsity: 0.5, fine_tune: {epochs: 1, peak: 0.01}}\n"
    )
    code, _, err = kerascnn("convert", own_run, "--recipe", path, "--to", "tflite")
    assert code == 2 and "kerascnn compress" in err
    assert kerascnn("compress", own_run, "--recipe", path)[0] == 0
    assert kerascnn("convert", own_run, "--recipe", path, "--to", "tflite")[0] == 0
    run = open_run(own_run)
    model = prepared(open_subject(run), load_recipe(path)).model
    assert sparsity(model) >= 0.5
    assert kerascnn("report", own_run)[0] == 0


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"method": "int8"}, "unknown method 'int8'; did you mean 'int16x8'"),
        ({"method": "int16x8"}, "needs images to take its ranges from"),
    ],
)
def test_a_method_that_the_converter_has_not(finished_run, options, line):
    with pytest.raises(UserError, match=line):
        export.convert(open_run(finished_run).model(), "tflite", **options)


def test_int8_is_not_quantized_again(finished_run):
    run = open_run(finished_run)
    simulated = prepared(open_subject(run), load_recipe("static_wi8_ai8")).model
    with pytest.raises(UserError, match="simulates int8 already"):
        export.convert(simulated, "tflite", method="dynamic")

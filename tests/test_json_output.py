"""--json: figures on standard output, for a program to read, and nothing else there."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kerascnn.console import print_json


def test_evaluate_and_models(kerascnn, finished_run):
    code, out, err = kerascnn("evaluate", finished_run, "--json")
    figures = json.loads(out)
    assert (code, err) == (0, "")
    assert np.sum(figures["confusion"]) == figures["images"]
    assert figures["top1"] == np.trace(figures["confusion"]) / figures["images"]
    code, out, err = kerascnn("models", "lenet5*", "--json")
    rows = {row["name"]: row for row in json.loads(out)}
    assert (code, err) == (0, "")
    assert rows["lenet5"]["parameters"] == 61706 and rows["lenet5"]["input"] == [32, 32, 1]


def test_verify_and_benchmark_and_describe(kerascnn, finished_run):
    path = finished_run / "model_int8.tflite"
    code, out, err = kerascnn("verify", path, "--json")
    figures = json.loads(out)
    assert (code, err, figures["passed"]) == (0, "", True)
    assert figures["file"] == str(path) and all("measured" in c for c in figures["checks"])
    code, out, err = kerascnn("benchmark", path, "--runs", "50", "--json")
    assert (code, err) == (0, "") and len(json.loads(out)["timings"]) == 1
    code, out, err = kerascnn("describe", path, "--json")
    figures = json.loads(out)
    assert (code, err) == (0, "") and figures["bytes"] == path.stat().st_size
    assert figures["content"]["arithmetic"] == "int8"


def test_a_failure_keeps_its_exit_code_and_its_figures(kerascnn, finished_run, tmp_path):
    path, other = finished_run / "model_int8.tflite", finished_run / "model_float32.onnx"
    arrays = tmp_path / "noise.npy"
    np.save(arrays, np.random.default_rng(0).integers(0, 256, (8, 32, 32, 1)))
    code, out, _ = kerascnn("verify", path, "--against", other, "--images", arrays, "--json")
    assert code in (0, 1) and json.loads(out)["passed"] == (code == 0)
    code, out, err = kerascnn("verify", finished_run / "none.tflite", "--json")
    assert (code, out, len(err.splitlines())) == (2, "", 1)


@dataclass
class Figures:
    path: Path
    array: np.ndarray
    number: float


def test_whatever_figures_hold_is_json(capsys):
    value = {"a": Figures(Path("x\x1b"), np.array([1.0, np.nan]), float("inf")), 2: (np.int64(3),)}
    print_json(value)
    out = capsys.readouterr().out
    assert json.loads(out) == {
        "a": {"path": "x\x1b", "array": [1.0, None], "number": None},
        "2": [3],
    }
    assert "\x1b" not in out

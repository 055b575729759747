"""Training: runs repeat, resume after a kill, and leave what the next verb needs."""

import csv
import os
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest

import kerascnn.config as configs
from kerascnn.data import pipelines
from kerascnn.training import open_run, run_model, train
from kerascnn.training.optimizers import is_kernel


def quick(*overrides):
    small = ["training.epochs=2", "data.validation=0.5", "optimizer.schedule.warmup=0"]
    return configs.load("configs/digits/lenet5.yaml", [*small, *overrides])


def rows(run):
    with (run / "history.csv").open() as file:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)]


def test_the_same_seed_gives_the_same_run(tmp_path):
    first, second = (train(quick(), tmp_path / name).path for name in ("a", "b"))
    assert rows(first) == rows(second)
    weights = [open_run(run).model().get_weights() for run in (first, second)]
    for mine, other in zip(*weights, strict=True):
        np.testing.assert_array_equal(mine, other)


def test_a_killed_run_resumes_to_the_same_end(kerascnn, tmp_path):
    whole = train(quick("training.epochs=6"), tmp_path / "whole").path
    command = [
        sys.executable,
        "-c",
        "from kerascnn.__main__ import main; main()",
        "train",
        "configs/digits/lenet5.yaml",
        "--out",
        str(tmp_path / "killed"),
        "training.epochs=6",
        "data.validation=0.5",
        "optimizer.schedule.warmup=0",
    ]
    process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": "."})
    history = tmp_path / "killed" / "history.csv"
    deadline = time.monotonic() + 120
    while not (history.exists() and history.read_text().count("\n") >= 3):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "killed" / "run.json").exists()
    code, _, err = kerascnn(*command[3:], "--resume")
    assert code == 0, err
    assert rows(tmp_path / "killed") == rows(whole)


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_trains_and_leaves_a_float32_model(precision, tmp_path):
    run = train(quick(f"training.precision={precision}"), tmp_path / "run")
    assert run.history[-1]["loss"] < run.history[0]["loss"]
    assert {layer.compute_dtype for layer in run.model().layers} == {"float32"}
    assert keras.config.dtype_policy().name == "float32"


def test_xla_trains_to_the_same_history(tmp_path):
    plain = train(quick(), tmp_path / "plain").history
    compiled = train(quick("training.xla=true"), tmp_path / "xla").history
    for mine, other in zip(plain, compiled, strict=True):
        assert mine["loss"] == pytest.approx(other["loss"], rel=1e-3)  # sums in another order


def test_the_logs_are_read_by_tensorboard(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run = train(quick(), tmp_path / "run")
    events = EventAccumulator(str(run.path / "tensorboard" / "validation"))
    events.Reload()
    assert "epoch_accuracy" in events.Tags()["tensors"]


def test_the_model_takes_raw_pixels(tmp_path):
    config = quick("data.normalize={mean: 100, std: 50}")
    data = pipelines.load_data(config.data)
    model = run_model(config, data, "float32")
    x = np.full((1, 32, 32, 1), 150, np.float32)
    normalized = keras.Model(model.inputs, model.get_layer("normalize").output)
    np.testing.assert_allclose(normalized.predict(x, verbose=0), 1.0, rtol=1e-6)


def test_weight_decay_spares_biases_and_normalization():
    import kerascnn

    model = kerascnn.build("resnet8")
    decayed = [v.path for v in model.trainable_variables if is_kernel(v)]
    assert all(path.endswith("/kernel") for path in decayed)
    assert len(decayed) == 10  # nine convolutions and the classifier, counted in the paper's figure


def test_a_finished_folder_is_not_overwritten(finished_run):
    from kerascnn.errors import UserError

    with pytest.raises(UserError, match="holds a run already; give another --out, or --resume"):
        train(quick(), finished_run)

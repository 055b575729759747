"""The loop: what it says, whom it tells, and the test of learning rates."""

import csv
import re
import sys

import pytest

import kerascnn as package
import kerascnn.config as configs
from kerascnn.console import console
from kerascnn.errors import UserError
from kerascnn.training import train
from kerascnn.training.progress import EpochProgress, duration

MLP = ["model={name: mlp_128}", "data.size=null", "data.train=[]"]
SMALL = ["data.validation=0.5", "optimizer.schedule.warmup=0"]
LENET = "configs/digits/lenet5.yaml"


def quick(*overrides):
    return configs.load(LENET, [*MLP, *SMALL, "training.epochs=2", *overrides])


def test_an_epoch_is_a_line_with_its_speed_and_what_is_left(kerascnn, tmp_path):
    code, out, err = kerascnn(
        "train", LENET, "--out", tmp_path / "run", *MLP, *SMALL, "training.epochs=3"
    )
    assert code == 0, err
    lines = [line for line in out.splitlines() if line.startswith("  epoch")]
    assert [bool(re.search(r"[\d,]+ images/s  \d+ s left$", line)) for line in lines] == [
        True,
        True,
        False,
    ]
    assert re.search(r"[\d,]+ images/s$", lines[-1])
    assert "\x1b" not in out and "\r" not in out and "━" not in out  # no terminal watches


def test_a_terminal_sees_steps_speed_and_time(monkeypatch, tmp_path):
    monkeypatch.setattr(console, "_force_terminal", True)
    seen = []
    progress = EpochProgress(epochs=3, steps=100, batch=32)
    progress.epoch = None
    progress.on_epoch_begin(0)
    monkeypatch.setattr("kerascnn.training.progress.EVERY", -1)
    monkeypatch.setattr(progress.bar, "update", lambda task, **told: seen.append(told))
    for batch in range(5):
        progress.on_train_batch_end(batch)
    progress.close()
    assert [told["completed"] for told in seen] == [1, 2, 3, 4, 5]
    assert re.fullmatch(r"[\d,]+ images/s  .* left", seen[-1]["told"])


def test_times_are_told_in_the_unit_that_fits():
    assert [duration(s) for s in (3.2, 99, 720, 12_240)] == ["3 s", "99 s", "12 min", "3.4 h"]


FAKES = {
    "mlflow": """
calls = []
class Info: run_id = "of mlflow"
class Run: info = Info
def set_experiment(name): calls.append(("set_experiment", name))
def start_run(**given): calls.append(("start_run", given)); return Run
def log_params(params): calls.append(("log_params", params))
def log_metrics(metrics, step): calls.append(("log_metrics", metrics, step))
def end_run(): calls.append(("end_run",))
""",
    "wandb": """
calls = []
class Run:
    id = "of wandb"
    def log(self, metrics, step): calls.append(("log", metrics, step))
    def finish(self): calls.append(("finish",))
def init(**given): calls.append(("init", given)); return Run()
""",
}


@pytest.fixture
def trackers(tmp_path, monkeypatch):
    """Modules that note what is called of them, as both packages would be called."""
    for name, text in FAKES.items():
        (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("MLFLOW_EXPERIMENT_NAME", "WANDB_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    yield lambda name: sys.modules[name].calls
    for name in FAKES:
        sys.modules.pop(name, None)


def test_trackers_hear_the_config_and_every_epoch_and_go_on_with_a_run(trackers, tmp_path):
    asked = quick("training.trackers=[mlflow, wandb]", "optimizer.schedule.name=constant")
    run = train(asked, tmp_path / "run")
    told = trackers("mlflow")
    names = "set_experiment start_run log_params log_metrics log_metrics end_run"
    assert [call[0] for call in told] == names.split()
    assert told[2][1]["optimizer.momentum"] == 0.9
    for call, row in zip(told[3:5], run.history, strict=True):
        assert call[2] == row["epoch"]
        assert call[1]["val_accuracy"] == row["val_accuracy"]
        assert call[1]["learning_rate"] == row["learning_rate"]
    told = trackers("wandb")
    assert [call[0] for call in told] == ["init", "log", "log", "finish"]
    assert told[0][1]["config"]["model.name"] == "mlp_128" and told[0][1]["id"] is None
    longer = quick(
        "training.trackers=[mlflow, wandb]", "optimizer.schedule.name=constant", "training.epochs=3"
    )
    train(longer, run.path, resume=True)
    assert trackers("mlflow")[6] == ("start_run", {"run_id": "of mlflow"})
    assert trackers("wandb")[4][1]["id"] == "of wandb"
    train(quick("optimizer.schedule.name=constant", "training.epochs=4"), run.path, resume=True)


@pytest.mark.parametrize("name", ["mlflow", "wandb"])
def test_a_tracker_that_is_not_installed_is_named(kerascnn, tmp_path, monkeypatch, name):
    monkeypatch.setitem(sys.modules, name, None)
    code, _, err = kerascnn(
        "train", LENET, "--out", tmp_path / "run", f"training.trackers=[{name}]"
    )
    assert code == 2 and len(err.splitlines()) == 1
    assert f"training.trackers: {name} is not installed; pip install {name}" in err
    assert not (tmp_path / "run").exists()


def test_the_range_test_suggests_a_peak_that_trains(kerascnn, tmp_path):
    asked = [LENET, *MLP, "data.validation=0.2"]
    code, out, err = kerascnn("train", *asked, "--find-rate", "--out", tmp_path / "rates")
    assert code == 0, err
    peak = float(re.search(r"suggested: optimizer.schedule.peak=([\d.e-]+)", out)[1])
    assert 0.003 <= peak <= 0.5  # SGD with momentum on the digits: 0.05 in configs/digits
    names = sorted(p.name for p in (tmp_path / "rates").iterdir())
    assert names == ["find_rate.csv", "find_rate.png"]
    text = (tmp_path / "rates" / "find_rate.csv").read_text()
    rows = list(csv.DictReader(text.splitlines()))
    rates = [float(row["rate"]) for row in rows]
    assert rates[0] == 1e-6 and rates == sorted(rates)
    found = rates[min(range(len(rows)), key=lambda i: float(rows[i]["smoothed_loss"]))]
    assert peak == pytest.approx(found / 10, rel=0.5)  # one digit is enough
    run = train(
        configs.load(LENET, [*asked[1:], f"optimizer.schedule.peak={peak}", "training.epochs=5"]),
        tmp_path / "run",
    )
    assert run.history[-1]["val_accuracy"] > 0.85


def test_a_loss_that_falls_nowhere_is_told(tmp_path):
    asked = quick("model.arguments={initializer: zeros, hidden: [8]}")
    with pytest.raises(UserError, match="find-rate: the loss falls at no rate from 1e-06 on"):
        package.find_rate(asked, tmp_path / "rates", steps=8)

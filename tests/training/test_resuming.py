"""Going on with a run: with its own config only, and to the very same end."""

import hashlib
import json
import os
import random
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest

import kerascnn.config as configs
from kerascnn.config import PlateauSchedule
from kerascnn.data import load_data
from kerascnn.errors import UserError
from kerascnn.training import open_run, train
from kerascnn.training.history import best_epoch, plateau_rate, read_history, write_history
from kerascnn.training.progress import EpochProgress
from kerascnn.training.run import load_model
from kerascnn.training.variables import by_path, copy_weights

LENET = "configs/digits/lenet5.yaml"
SMALL = ("data.validation=0.5", "data.batch_size=64", "optimizer.schedule.warmup=0")
CONSTANT = (*SMALL, "optimizer.schedule.name=constant")


def config(*overrides, schedule="constant"):
    return configs.load(LENET, [*SMALL, f"optimizer.schedule.name={schedule}", *overrides])


def contents(folder):
    """name -> SHA-256 of every file of a folder but TensorBoard's."""
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in folder.rglob("*")
        if p.is_file() and "tensorboard" not in p.parts
    }


def same_weights(one, other):
    mine, theirs = (open_run(run).model().get_weights() for run in (one, other))
    return all(map(np.array_equal, mine, theirs))


class Killed(BaseException):
    """Ends a training as nothing in it expects."""


def train_until(monkeypatch, epochs, config, out):
    """Trains, and ends after so many epochs."""
    whole = EpochProgress.on_epoch_end

    def on_epoch_end(self, epoch, logs=None):
        whole(self, epoch, logs)
        if epoch + 1 == epochs:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(EpochProgress, "on_epoch_end", on_epoch_end)
        with pytest.raises(Killed):
            train(config, out)
    return out


@pytest.fixture(scope="module")
def two_epochs(tmp_path_factory):
    """A finished run of two epochs at a constant rate. For reading only."""
    return train(config("training.epochs=2"), tmp_path_factory.mktemp("two") / "run").path


@pytest.fixture
def run(two_epochs, tmp_path):
    return shutil.copytree(two_epochs, tmp_path / "run")


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (
            ["training.epochs=4", "data.batch_size=32"],
            "data.batch_size is 64 in the run, 32 was asked",
        ),
        (
            ["training.seed=9", "data.validation=0.4"],
            "data.validation is 0.5 in the run, 0.4 was asked; "
            "training.seed is 0 in the run, 9 was asked",
        ),
        (["model.name=lenet5_1998"], "model.name is 'lenet5' in the run, 'lenet5_1998' was asked"),
        (
            ["model.name=resnet8", "model.arguments={filters: 8}"],
            "model.arguments.filters is None in the run, 8 was asked",
        ),
        (["training.epochs=1"], "training.epochs is 2 in the run, 1 was asked"),
        (["data.train=[flip]"], "data.train is "),
    ],
)
def test_another_config_is_refused_and_nothing_is_written(kerascnn, run, overrides, told):
    before = contents(run)
    asked = ["training.epochs=2", *CONSTANT, *overrides]
    code, _, err = kerascnn("train", LENET, "--out", run, "--resume", *asked)
    assert code == 2 and len(err.splitlines()) == 1, err
    assert told in err
    assert contents(run) == before


def test_a_cosine_takes_no_more_epochs_once_it_has_begun(monkeypatch, tmp_path):
    asked = config("training.epochs=3", schedule="cosine")
    out = train_until(monkeypatch, 1, asked, tmp_path / "run")
    with pytest.raises(UserError, match=r"training.epochs is 3 in the run, 4 was asked \(more"):
        train(config("training.epochs=4", schedule="cosine"), out, resume=True)
    assert configs.load(out / "config.yaml") == asked


def test_before_the_first_epoch_is_done_everything_may_change(tmp_path):
    first = tmp_path / "run"
    first.mkdir()
    configs.save(
        config("training.epochs=3", "training.seed=5", schedule="cosine"), first / "config.yaml"
    )
    (first / "history.csv").write_text("epoch,val_accuracy\n1,0.5\n")  # written, then killed
    asked = config("training.epochs=1", schedule="cosine")
    run = train(asked, first, resume=True)
    assert run.config == asked
    assert len(run.history) == 1


@pytest.mark.parametrize(
    "schedule",
    ["plateau", *(pytest.param(x, marks=pytest.mark.full) for x in ("constant", "steps"))],
)
def test_more_epochs_give_what_so_many_at_once_give(tmp_path, schedule):
    more = ["optimizer.schedule.epochs=[1, 3]"] if schedule == "steps" else []

    def asked(epochs):
        return config(f"training.epochs={epochs}", *more, schedule=schedule)

    whole = train(asked(4), tmp_path / "whole")
    run = train(asked(2), tmp_path / "run")
    run = train(asked(4), run.path, resume=True)
    assert run.config.training.epochs == 4
    for mine, other in zip(run.history, whole.history, strict=True):
        assert mine | {"seconds": 0} == other | {"seconds": 0}
    assert same_weights(run.path, whole.path)
    assert run.facts == whole.facts


def test_a_finished_run_stays_as_it_is(kerascnn, run):
    before = contents(run)
    code, out, _ = kerascnn(
        "train", LENET, "--out", run, "--resume", "training.epochs=2", *CONSTANT
    )
    assert code == 0 and "all 2 epochs are done" in out
    assert contents(run) == before


@pytest.mark.parametrize(
    "rest", [pytest.param([], marks=pytest.mark.full), ["--", "training.epochs=500"]]
)
def test_an_interrupted_training_says_how_to_go_on(kerascnn, tmp_path, rest):
    """While it runs, nobody else may train in its folder."""
    out = tmp_path / "run"
    # A job in the background of a shell ignores SIGINT, and so does what it starts.
    heed = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    start = [sys.executable, "-c", f"{heed}; from kerascnn.__main__ import main; main()"]
    asked = ["train", LENET, "--out", str(out), *(rest or ["training.epochs=500"])]
    process = subprocess.Popen(
        [*start, *asked],
        env={**os.environ, "PYTHONPATH": "."},
        text=True,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 120
    while not (out / "checkpoints" / "last.keras").exists():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    code, _, err = kerascnn("train", LENET, "--out", out, "--resume", "training.epochs=500")
    assert code == 2 and f"run: in use by process {process.pid} (" in err, err
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()
    assert process.returncode == 130 and len(err.splitlines()) == 1, err
    way_on = err.partition("interrupted; this goes on with it: kerascnn ")[2]
    options = 4 if rest else len(asked)  # what follows a -- is no option
    assert shlex.split(way_on) == [*asked[:options], "--resume", *asked[options:]]


def test_a_run_that_another_process_finished_meanwhile_is_not_overwritten(
    two_epochs, tmp_path, monkeypatch
):
    out, honest = tmp_path / "run", load_data

    def slow(*arguments, **options):
        shutil.copytree(two_epochs, out)
        return honest(*arguments, **options)

    monkeypatch.setitem(train.__globals__, "load_data", slow)
    with pytest.raises(UserError, match="holds a run already"):
        train(config("training.epochs=1", "training.seed=3"), out)
    assert contents(out) == contents(two_epochs)


def shorten(run):
    lines = (run / "history.csv").read_text().splitlines()
    (run / "history.csv").write_text("\n".join(lines[:-1]) + "\n")


def disorder(run):
    text = (run / "history.csv").read_text()
    (run / "history.csv").write_text(text.replace("\n2,", "\n7,"))


def prolong(run):
    lines = (run / "history.csv").read_text().splitlines()
    rows = [f"{n},{lines[-1].partition(',')[2]}" for n in (3, 4)]
    (run / "history.csv").write_text("\n".join([*lines, *rows]) + "\n")


def lose_a_column(run):
    text = (run / "history.csv").read_text()
    (run / "history.csv").write_text(text.replace("val_loss", "val_lost"))


def lose_the_optimizer(run):
    path = run / "checkpoints" / "last.keras"
    load_model(path).save(path)


def halve(run):
    path = run / "checkpoints" / "last.keras"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize(
    ("spoil", "line"),
    [
        (shorten, r"history.csv: holds 1 epochs that do not fit the 2 of .*last.keras"),
        (disorder, r"history.csv: holds 2 epochs that do not fit"),
        (prolong, r"history.csv: holds 4 epochs that do not fit"),
        (lose_a_column, r"history.csv: epoch 1 lacks val_accuracy or val_loss"),
        (lambda run: (run / "history.csv").unlink(), "no such file: .*history.csv"),
        (lambda run: (run / "config.yaml").unlink(), "config.yaml is missing"),
        (lose_the_optimizer, "last.keras: holds no state of an optimizer"),
        (halve, "last.keras: cannot be resumed from"),
    ],
)
@pytest.mark.parametrize("epochs", [2, 4])
def test_what_does_not_fit_together_is_told(kerascnn, run, spoil, line, epochs):
    spoil(run)
    before = contents(run)
    asked = [f"training.epochs={epochs}", *CONSTANT]
    code, _, err = kerascnn("train", LENET, "--out", run, "--resume", *asked)
    assert code == 2 and len(err.splitlines()) == 1, err
    assert re.search(line, err), err
    assert contents(run) == before


@pytest.mark.parametrize("value", [5, [8, 8], [0, 8, 1], "8x8x1", None])
def test_a_run_json_without_a_shape_is_named(kerascnn, run, value):
    facts = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps(facts | {"input_shape": value}))
    code, _, err = kerascnn("evaluate", run)
    assert code == 2 and re.search("run.json: .*input_shape.*train the run again", err), err


DROPOUT = "model={name: mlp_512_512, arguments: {hidden: [32, 32]}}"  # has random states


@pytest.mark.parametrize(
    "override",
    [
        pytest.param("training.precision=mixed_float16", marks=pytest.mark.full),
        pytest.param("training.precision=mixed_bfloat16", marks=pytest.mark.full),
        DROPOUT,
    ],
)
def test_what_has_more_state_than_weights_is_resumed_to_the_same_end(
    monkeypatch, tmp_path, override
):
    asked = config("training.epochs=2", override, schedule="cosine")
    whole = train(asked, tmp_path / "whole")
    out = train_until(monkeypatch, 1, asked, tmp_path / "cut")
    cut = train(asked, out, resume=True)
    for mine, other in zip(cut.history, whole.history, strict=True):
        assert mine | {"seconds": 0} == other | {"seconds": 0}
    assert same_weights(cut.path, whole.path)


EVERYTHING = (
    "training.ema=0.9",
    "loss.smoothing=0.1",
    "optimizer={name: adam, weight_decay: 1e-4, global_clipnorm: 1, schedule: {peak: 0.01}}",
    "model.arguments={act: relu, initializer: he}",
)


@pytest.mark.parametrize(
    "overrides",
    [
        EVERYTHING,
        pytest.param(
            ("optimizer={name: muon, schedule: {name: one_cycle, peak: 0.01}}", "loss.name=hinge"),
            marks=pytest.mark.full,
        ),
        pytest.param(
            ("optimizer={name: rmsprop, schedule: {name: exponential, peak: 0.01, warmup: 1}}",),
            marks=pytest.mark.full,
        ),
    ],
)
def test_averages_teacher_and_optimizers_are_resumed_to_the_same_end(
    monkeypatch, tmp_path, two_epochs, overrides
):
    teacher = f"distillation={{teacher: {json.dumps(str(two_epochs))}, weight: 0.5}}"
    asked = configs.load(
        LENET,
        ["data.validation=0.5", "data.batch_size=64", "training.epochs=2", teacher, *overrides],
    )
    whole = train(asked, tmp_path / "whole")
    out = train_until(monkeypatch, 1, asked, tmp_path / "cut")
    cut = train(asked, out, resume=True)
    for mine, other in zip(cut.history, whole.history, strict=True):
        assert mine | {"seconds": 0} == other | {"seconds": 0}
    assert same_weights(cut.path, whole.path)
    best = [load_model(run.path / "checkpoints" / "best.keras") for run in (cut, whole)]
    for mine, other in zip(*(model.get_weights() for model in best), strict=True):
        np.testing.assert_array_equal(mine, other)


def two_branches(swapped):
    """The same network, its layers called in another order, so that they are listed in another."""
    image = keras.Input((4,))
    order = ("left", "right")[:: -1 if swapped else 1]
    made = {name: keras.layers.Dense(3, name=name)(image) for name in order}
    x = keras.layers.Concatenate()([made[name] for name in order])
    return keras.Model(image, keras.layers.Dense(2)(x))  # called automatically


def test_weights_are_copied_by_path_and_not_by_position():
    source, target = two_branches(False), two_branches(True)
    copy_weights(source, target)
    for name in ("left", "right"):
        np.testing.assert_array_equal(source.get_layer(name).kernel, target.get_layer(name).kernel)
    np.testing.assert_array_equal(source.layers[-1].kernel, target.layers[-1].kernel)


def test_automatic_names_are_counted_from_the_start_of_each_model():
    def build():
        x = image = keras.Input((4,))
        for _ in range(12):
            x = keras.layers.Dropout(0.5)(keras.layers.Dense(4)(x))
        return keras.Model(image, x)

    first, second = build(), build()
    assert [v.path for v in first.variables] != [v.path for v in second.variables]
    names = [list(by_path(model.variables)) for model in (first, second)]
    assert names[0] == names[1]
    assert len(set(names[0])) == 36


def histories(count):
    """Random histories as Keras gives them, with ties at random."""
    rng = random.Random(0)
    for _ in range(count):
        rows = []
        for epoch in range(rng.randint(2, 40)):
            loss = float(np.float32(0.05 + rng.choice([0, 1e-7, 2e-7, 1e-3]) * rng.random()))
            accuracy = float(np.float32(rng.randint(250, 256) / 256 - rng.choice([0, 1e-7])))
            rows.append({"epoch": epoch + 1, "val_accuracy": accuracy, "val_loss": loss})
        yield rows


def test_a_history_cut_anywhere_ends_with_the_same_best_epoch_and_rate(tmp_path):
    path = tmp_path / "history.csv"
    schedule = PlateauSchedule(peak=0.1, patience=3, factor=0.5)
    for rows in histories(60):
        best = best_epoch(rows)
        rate = plateau_rate(schedule, [row["val_loss"] for row in rows])
        for cut in range(1, len(rows)):
            write_history(path, rows[:cut])
            gone_on = [*read_history(path), *rows[cut:]]
            assert best_epoch(gone_on) == best
            assert plateau_rate(schedule, [row["val_loss"] for row in gone_on]) == rate


def test_a_history_is_written_alike_whether_it_was_cut_or_not(tmp_path):
    whole, cut = tmp_path / "whole.csv", tmp_path / "cut.csv"
    for rows in histories(20):
        write_history(whole, rows)
        write_history(cut, rows[:1])
        write_history(cut, [*read_history(cut), *rows[1:]])
        assert cut.read_text() == whole.read_text()

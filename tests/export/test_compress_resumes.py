"""A compression that is interrupted goes on, to the same weights bit for bit."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest
import yaml

import kerascnn.config as configs
from export.delivery.compress import compress
from export.pruning.schedule import Pruning
from export.recipes.recipe import Recipe
from kerascnn.files import write_text
from kerascnn.training import load_model, train
from kerascnn.training.progress import EpochProgress
from tests.conftest import RECIPE

CONFIG = [
    "model.name=resnet8",
    "data.size=[16, 16]",
    "data.batch_size=128",
    "data.validation=0.3",
    "optimizer.schedule.warmup=0",
    "training.epochs=2",
]
STEPS = 7  # of an epoch: 908 images to train on, 128 at a time
ALL_STAGES = Recipe(
    name="all_stages",
    channels={
        "criterion": "gamma",
        "macs": 0.6,
        "multiple_of": 4,
        "slimming": {"epochs": 2, "peak": 0.02},
        "fine_tune": {"epochs": 2, "peak": 0.02},
    },
    pruning={"sparsity": 0.6, "end": 0.6, "fine_tune": {"epochs": 3, "peak": 0.02}},
    clustering={"clusters": 16, "fine_tune": {"epochs": 2, "peak": 0.001}},
    quantization={"frozen_statistics": 0.4, "fine_tune": {"epochs": 3, "peak": 0.002}},
)
WHOLE = 12 * STEPS
QUICK = configs.parse(Recipe, yaml.safe_load(RECIPE), "quick_int8.yaml")


UPDATES = Pruning.UPDATES


class Killed(BaseException):
    """Ends a training as nothing in it expects."""


@pytest.fixture
def killed_after(monkeypatch):
    """killed_after(steps): from now on, the training ends after so many steps."""

    def after(steps):
        left = [steps]

        def on_train_batch_end(self, batch, logs=None):
            left[0] -= 1
            if left[0] < 0:
                raise Killed

        monkeypatch.setattr(EpochProgress, "on_train_batch_end", on_train_batch_end)

    return after


@pytest.fixture(scope="module", autouse=True)
def seldom_chosen():
    """Masks are chosen every third step only, as in a long training: not at the end of an epoch."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Pruning, "UPDATES", 4)
        yield


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run and its compression, uninterrupted. For reading only."""
    folder = tmp_path_factory.mktemp("whole")
    run = train(configs.load("configs/digits/lenet5.yaml", CONFIG), folder / "run")
    compress(run, ALL_STAGES)
    return run.path


@pytest.fixture
def bare(whole, tmp_path):
    """The same run before its compression."""
    return shutil.copytree(whole, tmp_path / "run", ignore=shutil.ignore_patterns(ALL_STAGES.name))


def weights(folder):
    return load_model(folder / "model.keras").get_weights()


def assert_same(one, other):
    for mine, theirs in zip(weights(one), weights(other), strict=True):
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.full
def test_a_compression_killed_again_and_again_ends_the_same(whole, bare, killed_after, capsys):
    kills = 0
    while True:
        killed_after(2 * STEPS + 3)  # it gets two epochs further each time, and is lost in a third
        try:
            compress(bare, ALL_STAGES)
            break
        except Killed:
            kills += 1
            keras.utils.set_random_seed(1000 + kills)  # another process draws other numbers
            assert not (bare / "all_stages" / "model.keras").exists()
    assert kills >= 4
    assert "begins anew" not in capsys.readouterr().out
    assert_same(bare / "all_stages", whole / "all_stages")
    for history in (whole / "all_stages").rglob("history.csv"):
        found = bare / history.relative_to(whole)
        columns = [
            [line.rpartition(",")[0] for line in path.read_text().splitlines()]
            for path in (found, history)
        ]
        assert columns[0] == columns[1]


@pytest.mark.parametrize("steps", [pytest.param(STEPS + 3, marks=pytest.mark.full), 3 * STEPS + 3])
def test_a_network_with_dropout_ends_the_same(tmp_path, killed_after, steps):
    """Random states are in no .keras file, and a network that is loaded draws new ones."""
    network = "model={name: mlp_512_512, arguments: {hidden: [32, 32]}}"
    asked = [network, *CONFIG[1:], "data.size=[8, 8]"]
    run = train(configs.load("configs/digits/lenet5.yaml", asked), tmp_path / "run").path
    cut = shutil.copytree(run, tmp_path / "cut")
    stages = {
        "pruning": {"sparsity": 0.6, "fine_tune": {"epochs": 2, "peak": 0.02}},
        "quantization": {"fine_tune": {"epochs": 2, "peak": 0.01}},
    }
    recipe = Recipe(name="all_stages", **stages)
    compress(run, recipe)
    killed_after(steps)
    with pytest.raises(Killed):
        compress(cut, recipe)
    killed_after(WHOLE)
    keras.utils.set_random_seed(99)  # another process draws other numbers
    compress(cut, recipe)
    assert_same(cut / "all_stages", run / "all_stages")


@pytest.mark.parametrize("steps", [STEPS // 2, 5 * STEPS + 2, 6 * STEPS + 1, 10 * STEPS + 4])
@pytest.mark.full
def test_a_compression_killed_once_ends_the_same(whole, bare, killed_after, steps):
    killed_after(steps)
    with pytest.raises(Killed):
        compress(bare, ALL_STAGES)
    killed_after(WHOLE)
    compress(bare, ALL_STAGES)
    assert_same(bare / "all_stages", whole / "all_stages")


def test_what_is_done_is_not_done_again(own_run, killed_after, capsys):
    before = (own_run / "quick_int8" / "model.keras").read_bytes()
    killed_after(0)
    compress(own_run, QUICK)
    assert "all stages are done" in capsys.readouterr().out
    assert (own_run / "quick_int8" / "model.keras").read_bytes() == before


def other_model(run):
    model = load_model(run / "model.keras")
    model.set_weights([w + 0.01 for w in model.get_weights()])
    model.save(run / "model.keras")
    return QUICK


def other_recipe(run):
    slower = QUICK.quantization.fine_tune.model_copy(update={"peak": 0.001})
    return QUICK.model_copy(
        update={"quantization": QUICK.quantization.model_copy(update={"fine_tune": slower})}
    )


def other_config(run):
    tree = (run / "config.yaml").read_text()
    (run / "config.yaml").write_text(tree.replace("momentum: 0.9", "momentum: 0.8"))
    return QUICK


def no_record(run):
    (run / "quick_int8" / "progress.json").unlink()
    return QUICK


@pytest.mark.parametrize("change", [other_model, other_recipe, other_config, no_record])
def test_work_on_something_else_is_begun_anew(own_run, killed_after, capsys, change):
    asked = change(own_run)
    old = (own_run / "quick_int8" / "model.keras").read_bytes()
    for _ in range(2):  # also when that was interrupted
        killed_after(1)
        with pytest.raises(Killed):
            compress(own_run, asked)
    said = capsys.readouterr().out
    assert said.count("quick_int8: holds work on another recipe or model; begins anew") == 1
    assert "are done" not in said
    assert (own_run / "quick_int8" / "model.keras").read_bytes() == old


def test_a_stage_that_diverges_says_so(kerascnn, own_run, tmp_path):
    recipe = tmp_path / "wild.yaml"
    recipe.write_text(RECIPE.replace("quick_int8", "wild").replace("peak: 0.01", "peak: 1.0e+30"))
    code, _, err = kerascnn("compress", own_run, "--recipe", recipe)
    assert code == 2 and "training diverged in epoch 1" in err and len(err.splitlines()) == 1, err
    assert not [*(own_run / "wild").rglob("*.keras")]


def command(run, recipe):
    # A job in the background of a shell ignores SIGINT, and so does what it starts.
    heed = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    start = [sys.executable, "-c", f"{heed}; from kerascnn.__main__ import main; main()"]
    return [*start, "compress", str(run), "--recipe", str(recipe)]


ENVIRONMENT = {**os.environ, "PYTHONPATH": "."}


def start_and_wait(arguments, path, rows):
    """The process of a command once a history.csv has so many rows."""
    process = subprocess.Popen(
        arguments, env=ENVIRONMENT, text=True, stderr=subprocess.PIPE, stdout=subprocess.PIPE
    )
    deadline = time.monotonic() + 120
    while not (path.exists() and path.read_text().count("\n") > rows):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    return process


@pytest.fixture
def longer(finished_run, tmp_path):
    """(run, recipe): the finished run of the session, and its recipe with more epochs."""
    recipe = tmp_path / "quick_int8.yaml"
    text = RECIPE.replace("epochs: 2", "epochs: 4").replace("epochs: 1", "epochs: 4")
    write_text(recipe, text)
    ignore = shutil.ignore_patterns("quick_int8")
    return shutil.copytree(finished_run, tmp_path / "run", ignore=ignore), recipe


@pytest.mark.full
def test_kill_9_in_either_stage(longer, kerascnn, monkeypatch, tmp_path):
    monkeypatch.setattr(Pruning, "UPDATES", UPDATES)  # as in the processes that are killed
    run, recipe = longer
    once = shutil.copytree(run, tmp_path / "once")
    assert kerascnn("compress", once, "--recipe", recipe)[0] == 0
    for stage in ("pruning", "quantization"):
        history = run / "quick_int8" / stage / "history.csv"
        process = start_and_wait(command(run, recipe), history, 2)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    code, out, err = kerascnn("compress", run, "--recipe", recipe)
    assert code == 0, err
    assert "pruning: is done" in out
    assert "epoch 1/4" not in out
    assert_same(run / "quick_int8", once / "quick_int8")


@pytest.mark.full
def test_two_at_once_and_an_interrupt(longer, kerascnn):
    """The second is told who works there; the first, interrupted, how to go on."""
    run, recipe = longer
    write_text(recipe, RECIPE.replace("epochs: 2", "epochs: 999"))  # there is time for the second
    first = start_and_wait(command(run, recipe), run / "quick_int8/pruning/history.csv", 1)
    code, _, err = kerascnn("compress", run, "--recipe", recipe)
    assert code == 2
    assert f"quick_int8: in use by process {first.pid} (" in err
    assert len(err.splitlines()) == 1
    first.send_signal(signal.SIGINT)
    _, err = first.communicate()
    assert first.returncode == 130
    assert f"interrupted; this goes on with it: kerascnn compress {run} --recipe" in err
    assert len(err.splitlines()) == 1
    assert json.loads((run / "quick_int8/progress.json").read_text()).keys() >= {"model", "recipe"}


@pytest.mark.full
def test_masks_are_those_of_the_uninterrupted_run(whole):
    """What the first test compares would not be of worth if nothing were pruned or shared."""
    model = load_model(whole / "all_stages" / "clustering" / "model.keras")
    kernels = [w for w in model.get_weights() if w.ndim == 4]
    assert all(len(np.unique(k)) <= 16 for k in kernels)
    zeros = sum((k == 0).sum() for k in kernels) / sum(k.size for k in kernels)
    assert zeros == pytest.approx(0.6, abs=0.01)

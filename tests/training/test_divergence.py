"""A training that diverges, or whose disk is full, ends at once and keeps what was good."""

import re
import subprocess

import keras
import numpy as np
import pytest

import kerascnn.config as configs
from kerascnn.errors import UserError
from kerascnn.training import fit, run_model
from kerascnn.training.history import read_history
from kerascnn.training.run import load_finite

LENET = "configs/digits/lenet5.yaml"
SMALL = ("training.epochs=3", "data.validation=0.5", "optimizer.schedule.warmup=0")


@pytest.mark.parametrize("more", [[], ["training.precision=mixed_float16"], ["training.xla=true"]])
def test_a_rate_beyond_reason_is_answered_in_the_first_epoch(kerascnn, tmp_path, more):
    out = tmp_path / "run"
    code, _, err = kerascnn(
        "train", LENET, "--out", out, *SMALL, "optimizer.schedule.peak=1e30", *more
    )
    assert code == 2 and len(err.splitlines()) == 1, err
    told = (
        r"training diverged in epoch 1: .* at a learning rate of 9.9\d*e\+29; no epoch was finished"
    )
    assert re.search(told, err), err
    assert not [*out.rglob("*.keras")]
    assert not (out / "history.csv").exists()


def test_the_last_good_checkpoint_is_kept(kerascnn, tmp_path):
    out = tmp_path / "run"
    steps = ["optimizer.schedule.name=steps", "optimizer.schedule.epochs=[2]"]
    schedule = [*steps, "optimizer.schedule.factor=0.99", "training.epochs=4"]
    from kerascnn.training import optimizers

    honest = optimizers.learning_rate

    def exploding(schedule, **sizes):
        rate = honest(schedule, **sizes)
        rate.values[-1] = 1e30  # from the third epoch on
        return rate

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(optimizers, "learning_rate", exploding)
        code, _, err = kerascnn("train", LENET, "--out", out, *SMALL, *schedule)
    assert code == 2 and "diverged in epoch 3" in err and "checkpoints keeps epoch 2" in err, err
    assert [row["epoch"] for row in read_history(out / "history.csv")] == [1, 2]
    for name in ("last", "best"):
        load_finite(out / "checkpoints" / f"{name}.keras")
    code, said, _ = kerascnn("train", LENET, "--out", out, "--resume", *SMALL, *schedule)
    assert code == 0 and "epoch 3/4" in said and "epoch 2/4" not in said


def test_weights_that_are_not_finite_are_never_kept(tmp_path):
    """The loss of the last step is that of the weights before it."""
    from kerascnn.data import load_data

    config = configs.load(LENET, [*SMALL, "training.epochs=1"])
    data = load_data(config.data)
    model = run_model(config, data, "float32")

    class Spoil(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.layers[-1].bias.assign(np.full(10, np.inf))

    with pytest.raises(UserError, match=r"diverged in epoch 1: .*/bias is not finite"):
        fit(
            model,
            data,
            config.optimizer,
            config.training,
            tmp_path,
            checkpoints=tmp_path / "checkpoints",
            callbacks=[Spoil()],
        )
    assert not [*tmp_path.rglob("*.keras")]


@pytest.mark.parametrize(
    "arguments",
    [
        ["evaluate"],
        ["convert", "--to", "tflite", "--recipe", "float32"],
        ["compress", "--recipe", "qat_wi8_ai8"],
    ],
)
def test_a_run_with_weights_that_are_not_finite_is_refused(kerascnn, own_run, arguments):
    model = keras.models.load_model(own_run / "model.keras")
    model.layers[-1].bias.assign(np.full(10, np.nan))
    model.save(own_run / "model.keras")
    code, _, err = kerascnn(arguments[0], own_run, *arguments[1:])
    assert code == 2 and "model.keras: has weights that are not finite" in err, err


@pytest.fixture
def tiny_disk(tmp_path):
    """A disk of 64 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("needs the right to mount")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.parametrize("left", [0, 4, 60])
def test_a_full_disk_is_told_in_one_line(kerascnn, tiny_disk, left):
    (tiny_disk / "ballast").write_bytes(b"x" * 1024 * (60 - left))
    code, _, err = kerascnn("train", LENET, "--out", tiny_disk / "run", *SMALL)
    assert code == 2 and len(err.splitlines()) == 1, err
    assert "cannot be written: No space left on device" in err
    assert not [*tiny_disk.rglob("*.keras")]


def test_a_log_that_finds_the_disk_full_is_told_in_one_line(kerascnn, tmp_path, monkeypatch):
    import tensorflow as tf

    def full(*arguments, **options):
        raise tf.errors.ResourceExhaustedError(None, None, "events.v2; No space left on device")

    monkeypatch.setattr(tf.summary, "create_file_writer", full)
    code, _, err = kerascnn("train", LENET, "--out", tmp_path / "run", *SMALL)
    assert code == 2 and "run: cannot be written: No space left on device" in err, err

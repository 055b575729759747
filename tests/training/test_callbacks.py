"""Callbacks of one's own in `kerascnn.train`."""

import keras
import pytest

import kerascnn
import kerascnn.config as configs


def quick(*overrides):
    small = ["training.epochs=3", "data.validation=0.5", "optimizer.schedule.warmup=0"]
    return configs.load("configs/digits/lenet5.yaml", [*small, *overrides])


def test_they_see_every_epoch_with_its_figures(tmp_path):
    seen = []
    watch = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(dict(logs)))
    run = kerascnn.train(quick(), tmp_path / "run", callbacks=[watch])
    assert [row["val_accuracy"] for row in run.history] == [logs["val_accuracy"] for logs in seen]
    assert len(seen) == 3


def test_one_that_stops_early_leaves_a_finished_run(tmp_path):
    stop = keras.callbacks.EarlyStopping("val_loss", patience=0, min_delta=100)
    run = kerascnn.train(quick(), tmp_path / "run", callbacks=[stop])
    assert len(run.history) == 2
    assert kerascnn.open_run(run.path).model().output_shape == (None, 10)


def test_what_is_no_callback_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(kerascnn.UserError, match="expected Keras callbacks, got"):
        kerascnn.train(quick(), tmp_path / "run", callbacks=[print])
    assert not (tmp_path / "run").exists()

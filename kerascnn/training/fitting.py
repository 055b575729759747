"""The epochs of a training: what is minimized, what watches it, what is kept."""

import contextlib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import keras

import kerascnn.config as configs
from kerascnn.console import console
from kerascnn.data import Data
from kerascnn.extras import command, missing
from kerascnn.files import disk_errors
from kerascnn.training.callbacks import (
    Checkpoints,
    Finite,
    Plateau,
    ValidateAverages,
)
from kerascnn.training.checkpoints import restore
from kerascnn.training.distillation import Distillation
from kerascnn.training.fused_normalization import fused_normalization
from kerascnn.training.grouped_convolution import without_remapping
from kerascnn.training.history import Row, rows_of
from kerascnn.training.objective import Objective
from kerascnn.training.optimizers import make_optimizer
from kerascnn.training.placement import ONE_DEVICE, Placement
from kerascnn.training.progress import EpochProgress
from kerascnn.training.rates import with_rates


def fit(
    model: keras.Model,
    data: Data,
    optimizer: configs.OptimizerConfig,
    training: configs.TrainingConfig,
    out: Path,
    *,
    checkpoints: Path,
    resume: bool = False,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    first_eligible: int = 0,
    rates: Mapping[str, float] | None = None,
    where: Placement = ONE_DEVICE,
    loss: configs.LossConfig | None = None,
    distillation: Distillation | None = None,
) -> list[Row]:
    """Trains `model` on `data` and keeps history and checkpoints.

    Args:
        model: functional; takes raw pixels.
        optimizer, training: sections of a config.
        out: folder of history.csv and tensorboard/. checkpoints: folder of best and last.
        resume: take weights, optimizer state and epoch from checkpoints/last.keras.
        callbacks: more Keras callbacks. first_eligible: the first epoch, from 0, that may become
            the best one.
        rates: path of a variable -> factor of its learning rate, where that is not 1.
        where: the `Placement` in whose scope the model was built and this is called.
        loss: a `LossConfig`; cross-entropy by default. distillation: a `Distillation` of `model`.

    Returns:
        The rows of history.csv.

    Raises:
        UserError: the training diverged, the disk is full, or there is no way on from what is
            in `checkpoints`.
    """
    steps, epochs = data.steps_per_epoch(), training.epochs
    where.prepare(model)
    loss = loss or configs.LossConfig()
    chosen = make_optimizer(
        optimizer, model.trainable_variables, steps_per_epoch=steps, epochs=epochs
    )
    objective = Objective(
        model,
        loss=loss.name,
        smoothing=loss.smoothing,
        auxiliary=loss.auxiliary,
        averaged=training.ema,
        distillation=distillation,
    )
    objective.compile(
        with_rates(chosen, rates or {}),
        jit_compile=training.xla or keras.config.backend() == "jax",
    )
    chosen = objective.optimizer  # mixed_float16 wraps it in a loss-scaling one
    chosen.build(model.trainable_variables)
    done, rows = _resumed(objective, out, checkpoints, where, steps) if resume else (0, [])
    if done and done >= epochs:
        if where.writes:
            console.print(f"  {out}: all {epochs} epochs are done")
        return rows
    keeper = Checkpoints(checkpoints, rows, first_eligible, out / "history.csv", steps, where.alone)
    progress = EpochProgress(epochs, steps, min(data.config.batch_size, len(data.train)))
    watchers = [Finite(checkpoints)]
    if training.ema is not None:
        watchers.append(ValidateAverages())
    if where.writes:
        checkpoints.mkdir(parents=True, exist_ok=True)
        watchers += [keeper, progress, *_tensorboard(out)]
    if where.devices > 1:
        console.print(f"  {where.described()}")
    if optimizer.schedule.name == "plateau":
        watchers.append(Plateau(optimizer.schedule, rows))
    with (
        disk_errors(out),
        contextlib.closing(progress),
        where.watched(),
        fused_normalization(model),
        without_remapping(model),
    ):
        objective.fit(
            data.training_batches(
                seed=training.seed,
                first_step=done * steps,
                steps=(epochs - done) * steps,
                part=where.part,
            ),
            epochs=epochs,
            initial_epoch=done,
            steps_per_epoch=steps,
            validation_data=where.validation(data),
            callbacks=[*callbacks, *watchers],
            shuffle=False,
            verbose=0,
        )
    return keeper.rows


def _resumed(objective, out, checkpoints, where, steps):
    """Restores the last checkpoint: (epochs that are done, rows of their history)."""
    with where.files(checkpoints / "last.keras", out / "history.csv") as (last, history):
        if not last.exists():
            return 0, []
        done = restore(objective, last, steps=steps)
        return done, rows_of(history, done, last)


def _tensorboard(out):
    """The log for TensorBoard, where that is installed."""
    if not missing("tensorboard"):
        return [keras.callbacks.TensorBoard(out / "tensorboard", write_graph=False)]
    _say_that_tensorboard_is_missing()
    return []


@cache
def _say_that_tensorboard_is_missing():
    """Once a process: a recipe trains several times."""
    console.print(f"  no log for TensorBoard, which is not installed: {command('tensorboard')}")

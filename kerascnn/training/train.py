"""Training, read from top to bottom: data, model, optimizer, epochs, the best model."""

import contextlib
from collections.abc import Sequence
from pathlib import Path

import keras

import kerascnn.config as configs
from kerascnn.console import console
from kerascnn.data import load_data, normalization
from kerascnn.errors import UserError
from kerascnn.files import disk_errors, locked, read_json, replacing, write_json
from kerascnn.models import build
from kerascnn.models.graph import normalized
from kerascnn.training.callbacks import Checkpoints, EpochProgress, Finite, Plateau
from kerascnn.training.checkpoints import copy_weights, restore
from kerascnn.training.history import best_epoch, rows_of
from kerascnn.training.optimizers import make_optimizer
from kerascnn.training.resuming import refuse_another
from kerascnn.training.run import Run, load_finite


def train(
    config: configs.Config | str | Path,
    out: str | Path,
    *,
    data_dir: str | Path | None = None,
    resume: bool = False,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> Run:
    """Trains a network on the images of a config and leaves a run folder.

    Args:
        config: a `Config`, or the path of its YAML file.
        out: the run folder; it must not hold a run already, unless `resume`.
        data_dir: where MNIST's or CIFAR-10's files are (see `load_source`).
        resume: go on from the last epoch that the run in `out` finished. The config must be that
            of the run; only the number of epochs may be another, where the schedule of the
            learning rate does not depend on it.
        callbacks: of Keras; each sees the logs of an epoch, loss, accuracy, val_loss and
            val_accuracy, before the run keeps them. What one of them sets in the model is in the
            checkpoints; what it holds itself is not, and begins anew where a run is resumed. One
            that ends the training early leaves a finished run.

    Returns:
        The `Run`.

    Raises:
        UserError: a config, data, folder or callback that does not fit; a folder that another
            process trains in; a training that diverges.
    """
    for callback in callbacks:
        if not isinstance(callback, keras.callbacks.Callback):
            raise UserError(f"callbacks: expected Keras callbacks, got {callback!r}")
    if not isinstance(config, configs.Config):
        config = configs.load(config)
    out = Path(out)
    refuse_another(config, out, resume=resume)  # before the data is read
    data = load_data(config.data, seed=config.training.seed, data_dir=data_dir)
    if config.data.path:
        console.print(f"  {config.data.path}: {data.summary()}")
    with locked(out):
        refuse_another(config, out, resume=resume)  # again: now nobody else writes there
        _train(config, data, out, resume, callbacks)
    return Run(out)


def _train(config, data, out, resume, callbacks):
    normalize = _normalization(config, data, out, resume)

    # Not before a run that it goes on with has proved to be readable.
    def settle(logs):
        configs.save(config, out / "config.yaml")
        if config.data.normalize.from_images:
            normalization.save(normalize, out)

    keras.utils.set_random_seed(config.training.seed)
    model = run_model(config, data, config.training.precision, normalize)
    rows = fit(
        model,
        data,
        config.optimizer,
        config.training,
        out,
        checkpoints=out / "checkpoints",
        resume=resume,
        callbacks=[keras.callbacks.LambdaCallback(on_train_begin=settle), *callbacks],
    )
    if resume and _is_finished(out, len(rows)):
        return  # what was made of its model refers to it

    best = best_epoch(rows)
    finished = run_model(config, data, "float32", normalize)
    copy_weights(load_finite(out / "checkpoints" / "best.keras"), finished)
    with replacing(out / "model.keras") as path:
        finished.save(path)
    write_json(
        out / "run.json",
        {
            "labels": list(data.names),
            "input_shape": list(data.shape),
            "resize": config.data.resize,
            "epochs": len(rows),
            "best_epoch": best["epoch"],
            "validation_accuracy": best["val_accuracy"],
            "images": {
                "train": len(data.train),
                "validation": len(data.validation),
                "test": len(data.test),
            },
            "keras": keras.__version__,
        },
    )


def _is_finished(out, epochs):
    """Whether a run folder holds the model of so many epochs."""
    facts = out / "run.json"
    whole = facts.exists() and (out / "model.keras").exists()
    return whole and read_json(facts).get("epochs") == epochs


def _normalization(config, data, out, resume):
    """What pixels are normalized by: written in the config, computed, or as the run has it."""
    if not config.data.normalize.from_images:
        return config.data.normalize
    if resume and (out / "checkpoints" / "last.keras").exists():
        return normalization.read(out, data.shape)
    return normalization.computed(data)


def run_model(config, data, precision, normalize=None):
    """The network of a config with its normalization in front: raw pixels -> logits.

    normalize: mean and std; by default those of the config, computed where it says so.
    """
    normalize = normalize or config.data.normalize
    if getattr(normalize, "from_images", False):
        normalize = normalization.computed(data)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        network = build(
            config.model.name,
            input_shape=data.shape,
            num_classes=len(data.names),
            **config.model.arguments,
        )
        return normalized(network, normalize)
    finally:
        keras.config.set_dtype_policy(before)


def fit(
    model, data, optimizer, training, out, *, checkpoints, resume=False, callbacks=(), settled=0
):
    """Trains `model` on `data` and keeps history and checkpoints.

    Args:
        model: a compiled or uncompiled model that takes raw pixels.
        optimizer, training: sections of a config.
        out: folder of history.csv and tensorboard/. checkpoints: folder of best and last.
        resume: take weights, optimizer state and epoch from checkpoints/last.keras.
        callbacks: more Keras callbacks. settled: the first epoch, from 0, that may become best.

    Returns:
        The rows of history.csv.

    Raises:
        UserError: the training diverged, the disk is full, or there is no way on from what is
            in `checkpoints`.
    """
    steps, epochs = data.steps_per_epoch(), training.epochs
    made = make_optimizer(
        optimizer, model.trainable_variables, steps_per_epoch=steps, epochs=epochs
    )
    model.compile(
        made,
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
        jit_compile=training.xla,
    )
    made = model.optimizer  # mixed_float16 wraps it in a loss-scaling one
    made.build(model.trainable_variables)
    done, rows = 0, []
    if resume and (checkpoints / "last.keras").exists():
        last = checkpoints / "last.keras"
        done = restore(model, last, steps=steps)
        rows = rows_of(out / "history.csv", done, last)
        if done >= epochs:
            console.print(f"  {out}: all {epochs} epochs are done")
            return rows
    checkpoints.mkdir(parents=True, exist_ok=True)
    keeper = Checkpoints(checkpoints, rows, settled, out / "history.csv", steps)
    progress = EpochProgress(epochs, steps)
    watchers = [Finite(checkpoints), keeper, progress]
    watchers.append(keras.callbacks.TensorBoard(out / "tensorboard", write_graph=False))
    if optimizer.schedule.name == "plateau":
        watchers.append(Plateau(optimizer.schedule, rows))
    with disk_errors(out), contextlib.closing(progress):
        model.fit(
            data.training_batches(
                seed=training.seed, first_step=done * steps, steps=(epochs - done) * steps
            ),
            epochs=epochs,
            initial_epoch=done,
            steps_per_epoch=steps,
            validation_data=data.batches(data.validation),
            callbacks=[*callbacks, *watchers],
            shuffle=False,
            verbose=0,
        )
    return keeper.rows

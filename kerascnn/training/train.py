"""Training, read from top to bottom: data, model, optimizer, epochs, the best model."""

from pathlib import Path

import keras

import kerascnn.config as configs
from kerascnn.console import console, plain
from kerascnn.data import load_data
from kerascnn.errors import UserError
from kerascnn.files import replacing, writable_folder, write_json
from kerascnn.models import build
from kerascnn.models.graph import normalized
from kerascnn.training.callbacks import (
    Checkpoints,
    EpochProgress,
    Plateau,
    best_epoch,
    read_history,
)
from kerascnn.training.optimizers import make_optimizer
from kerascnn.training.run import Run, load_model


def train(config, out, *, data_dir=None, resume=False):
    """Trains a network on the images of a config and leaves a run folder.

    Args:
        config: a `Config`, or the path of its YAML file.
        out: the run folder; it must not hold a run already, unless `resume`.
        data_dir: where MNIST's or CIFAR-10's files are (see `load_source`).
        resume: go on from the last epoch that the run in `out` finished.

    Returns:
        The `Run`.

    Raises:
        UserError: a config, data or folder that does not fit.
    """
    if not isinstance(config, configs.Config):
        config = configs.load(config)
    out = Path(out)
    if (out / "history.csv").exists() and not resume:
        raise UserError(f"{out}: holds a run already; give another --out, or --resume it")
    seed = config.training.seed
    data = load_data(config.data, seed=seed, data_dir=data_dir)
    if config.data.name == "folder":
        console.print(plain(f"  {config.data.path}: {data.summary()}"))
    out = writable_folder(out)
    configs.save(config, out / "config.yaml")

    keras.utils.set_random_seed(seed)
    model = run_model(config, data, config.training.precision)
    rows = fit(
        model, data, config.optimizer, config.training, out,
        checkpoints=out / "checkpoints", resume=resume,
    )  # fmt: skip

    best = best_epoch(rows)
    finished = run_model(config, data, "float32")
    finished.set_weights(load_model(out / "checkpoints" / "best.keras").get_weights())
    with replacing(out / "model.keras") as path:
        finished.save(path)
    write_json(
        out / "run.json",
        {
            "labels": list(data.names),
            "input_shape": list(data.shape),
            "resize": config.data.resize,
            "best_epoch": int(best["epoch"]),
            "validation_accuracy": best["val_accuracy"],
            "images": {
                "train": len(data.train),
                "validation": len(data.validation),
                "test": len(data.test),
            },
            "keras": keras.__version__,
        },
    )
    return Run(out)


def run_model(config, data, precision):
    """The network of a config with its normalization in front: raw pixels -> logits."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        network = build(
            config.model.name, input_shape=data.shape, num_classes=len(data.names),
            **config.model.arguments,
        )  # fmt: skip
        return normalized(network, config.data.normalize)
    finally:
        keras.config.set_dtype_policy(before)


def fit(model, data, optimizer, training, out, *, checkpoints, resume=False, callbacks=(),
        settled=0):  # fmt: skip
    """Trains `model` on `data` and keeps history and checkpoints.

    Args:
        model: a compiled or uncompiled model that takes raw pixels.
        optimizer, training: sections of a config.
        out: folder of history.csv and tensorboard/. checkpoints: folder of best and last.
        resume: take weights, optimizer state and epoch from checkpoints/last.keras.
        callbacks: more Keras callbacks. settled: the first epoch, from 0, that may become best.

    Returns:
        The rows of history.csv.
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
        restore(model, checkpoints / "last.keras")
        done = int(made.iterations) // steps
        rows = read_history(out / "history.csv")[:done]
        if done >= epochs:
            console.print(f"  {out}: all {epochs} epochs are done")
            return rows
    checkpoints.mkdir(parents=True, exist_ok=True)
    keeper = Checkpoints(checkpoints, rows, settled, history=out / "history.csv")
    watchers = [keeper, EpochProgress(epochs, steps)]
    watchers.append(keras.callbacks.TensorBoard(out / "tensorboard", write_graph=False))
    if optimizer.schedule.name == "plateau":
        watchers.append(Plateau(optimizer.schedule, rows))
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


def restore(model, path):
    """Copies weights, random states and the optimizer's state out of a checkpoint."""
    try:
        saved = keras.models.load_model(path)
    except Exception as error:  # as in load_model
        raise UserError(f"{path}: cannot be resumed from: {str(error).splitlines()[0]}") from None
    pairs = [(model.variables, saved.variables)]
    pairs.append((model.optimizer.variables, saved.optimizer.variables))
    for ours, theirs in pairs:
        for mine, stored in zip(ours, theirs, strict=True):
            mine.assign(stored)

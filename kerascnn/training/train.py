"""Training, read from top to bottom: data, model, optimizer, epochs, the best model."""

import contextlib
import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras

import kerascnn.config as configs
from kerascnn.console import console
from kerascnn.data import Data, load_data, normalization
from kerascnn.errors import UserError, required
from kerascnn.files import read_json, replacing, write_json
from kerascnn.locks import locked
from kerascnn.models import build, variant
from kerascnn.models.graph import normalized
from kerascnn.training.distribution import place
from kerascnn.training.fitting import fit
from kerascnn.training.history import Row, best_epoch
from kerascnn.training.objective import refuse_other_outputs, without_auxiliary
from kerascnn.training.pretrained import copy_pretrained
from kerascnn.training.resuming import refuse_another
from kerascnn.training.run import Run, load_finite
from kerascnn.training.teachers import distillation_of
from kerascnn.training.trackers import check_trackers, tracker
from kerascnn.training.variables import copy_weights


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
    config = resolved(config)
    check_trackers(config.training.trackers)
    out = Path(out)
    where = place(config.training.distribute)
    with where.together():
        if where.writes:
            refuse_another(config, out, resume=resume)  # before the data is read
        data = load_data(config.data, seed=config.training.seed, data_dir=data_dir)
        where.check(len(data.train), config.data.batch_size)
    if config.data.path and where.writes:
        console.print(f"  {config.data.path}: {data.summary()}")
    with contextlib.ExitStack() as held:
        with where.together():
            if where.writes:
                held.enter_context(locked(out))
                refuse_another(config, out, resume=resume)  # again: now nobody else writes there
        _train(config, data, out, resume, callbacks, where)
        with where.together():  # the first worker has written everything
            pass
    return Run(out)


def _train(config, data, out, resume, callbacks, where):
    if resume and config.data.normalize.from_images:
        data = _as_it_began(data, out, where)

    # Not before a run that it goes on with has proved to be readable.
    write = keras.callbacks.LambdaCallback(
        on_train_begin=lambda logs: write_settings(config, data, out)
    )
    trackers = [tracker(name, config, out) for name in config.training.trackers]
    keras.utils.set_random_seed(config.training.seed)
    with where.scope():
        model = run_model(config, data, config.training.precision)
        if config.model.pretrained and not (resume and (out / "checkpoints/last.keras").exists()):
            copy_pretrained(model, config.model.pretrained)
        rows = fit(
            model,
            data,
            config.optimizer,
            config.training,
            out,
            checkpoints=out / "checkpoints",
            resume=resume,
            callbacks=[write, *callbacks, *trackers] if where.writes else callbacks,
            where=where,
            loss=config.loss,
            distillation=config.distillation and distillation_of(config.distillation, model),
        )
    if not where.writes:
        return
    if resume and is_finished(out, len(rows)):
        return  # what was made of its model refers to it
    finish(config, data, out, rows)


def _as_it_began(data, out, where):
    """The data of a run that goes on, normalized by what the run began with."""
    with where.files(out / "checkpoints" / "last.keras", out / normalization.FILE) as (last, kept):
        if not last.exists():
            return data
        return dataclasses.replace(data, known_normalization=normalization.read(kept, data.shape))


def write_settings(config: configs.Config, data: Data, out: Path) -> None:
    """Writes what a run is trained with into its folder: config.yaml, and what was computed."""
    configs.save(config, out / "config.yaml")
    if config.data.normalize.from_images:
        normalization.save(data.normalization, out)


def finish(
    config: configs.Config, data: Data, out: Path, rows: Sequence[Row], **facts: Any
) -> None:
    """Writes model.keras, of the best epoch, and run.json, with `facts` more, into a run folder."""
    best = required(best_epoch(rows))
    finished = run_model(config, data, "float32")
    copy_weights(load_finite(out / "checkpoints" / "best.keras"), finished)
    with replacing(out / "model.keras") as path:
        without_auxiliary(finished).save(path)
    write_json(
        out / "run.json",
        {
            "labels": list(data.names),
            "input_shape": list(data.shape),
            "resize": config.data.resize,
            "epochs": len(rows),
            "best_epoch": best["epoch"],
            "validation_accuracy": best["val_accuracy"],
            **({"validation_mean_iou": best["val_mean_iou"]} if "val_mean_iou" in best else {}),
            "images": {
                "train": len(data.train),
                "validation": len(data.validation),
                "test": len(data.test),
            },
            "keras": keras.__version__,
            **facts,
        },
    )


def is_finished(out: Path, epochs: int) -> bool:
    """Whether a run folder holds the model of so many epochs."""
    facts = out / "run.json"
    whole = facts.exists() and (out / "model.keras").exists()
    return whole and read_json(facts).get("epochs") == epochs


def resolved(config: configs.Config) -> configs.Config:
    """The config with the weights of auxiliary losses spelled out, those of the network's paper."""
    auxiliary = dict(variant(config.model.name).row.auxiliary)
    if config.loss.auxiliary is not None or not auxiliary:
        return config
    return config.model_copy(
        update={"loss": config.loss.model_copy(update={"auxiliary": auxiliary})}
    )


def run_model(config: configs.Config, data: Data, precision: str) -> keras.Model:
    """The network of a config with its normalization in front: raw pixels -> logits."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        network = build(
            config.model.name,
            input_shape=data.shape,
            num_classes=len(data.names),
            **config.model.arguments,
        )
        refuse_other_outputs(
            network, config.model.name, (*data.shape[:2], len(data.names)), config.data.targets
        )
        asked = config.data.normalize
        return normalized(network, data.normalization if asked.from_images else asked)
    finally:
        keras.config.set_dtype_policy(before)

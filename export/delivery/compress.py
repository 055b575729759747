"""Compression, read from top to bottom: remove channels, prune, share weights, then train with
int8 arithmetic in mind. What needs no training is done where a model is converted."""

from pathlib import Path

import keras

from kerascnn.analysis import count
from kerascnn.config import CosineSchedule, dump
from kerascnn.console import console
from kerascnn.data import Data
from kerascnn.errors import UserError, required
from kerascnn.files import replacing, writable_folder, write_json, write_text
from kerascnn.locks import locked
from kerascnn.training import Run, fit, load_finite, open_run
from kerascnn.training.distillation import Distillation
from kerascnn.training.distribution import place

from ..constraints.kernels import sparsity
from ..constraints.zeros import keep_zeros
from ..pruning.channel_criteria import slim
from ..pruning.channel_removal import WIDTHS, channel_widths, remove_channels
from ..pruning.schedule import Pruning
from ..quantization.biases import settle_biases
from ..quantization.calibration import simulated
from ..quantization.folded_normalization import FreezeStatistics
from ..recipes.recipe import Recipe, load_recipe
from ..sharing.clustering import cluster, share_values
from ..subject.opening import training_samples
from .latency import remove_channels_for_latency
from .progress import Progress

CRITERION_BATCHES = 16


def compress(
    run: Run | Path | str, recipe: Recipe | Path | str, *, data_dir: Path | str | None = None
) -> keras.Model:
    """Compresses the model of a run by a recipe, or goes on where that was interrupted.

    Args:
        run: a `Run`, or the path of its folder.
        recipe: a `Recipe`, the name of one that ships, or the path of its YAML file.
        data_dir: as in `train`.

    Returns:
        The compressed `keras.Model`: raw pixels -> logits, for qat with its rounding simulated.
        It is kept as RUN/RECIPE/model.keras; where channels were removed, RUN/RECIPE/channels.json
        tells the multiply-accumulates and the width of each layer, before and after.

    Raises:
        UserError: a recipe, run or layer that does not fit; a folder that another process works
            in; a training that diverges.
    """
    run = open_run(run)
    recipe = load_recipe(recipe)
    if not recipe.compresses:
        raise UserError(
            f"{recipe.name}: nothing to train; kerascnn convert {run.path} --recipe {recipe.name} "
            "--to tflite does all of it"
        )
    data = run.data(data_dir)
    _say_one_device(run.config.training.distribute)
    with locked(run.path / recipe.name) as out:
        progress = Progress(run, recipe, out)
        model = progress.finished()
        if model is None:
            model = _compress(run, recipe, data, progress)
            keep(model, recipe, out)
            progress.finish()
    return model


def _say_one_device(distribute):
    """A run of several devices is compressed on one, on the whole batch of the run."""
    if distribute == "none" or (distribute == "auto" and place("auto").devices == 1):
        return
    console.print(
        f"  compress trains on one device: training.distribute={distribute} is left aside",
        highlight=False,
    )


def _compress(run, recipe, data, progress):
    progress.draw_anew()
    model = run.model()
    if recipe.channels:
        model = _remove_channels(model, recipe, run, data, progress)
    if recipe.pruning:
        model = progress.stage("pruning", lambda out: _prune(model, recipe.pruning, run, data, out))
    if recipe.clustering:
        model = progress.stage(
            "clustering", lambda out: _cluster(model, recipe.clustering, run, data, out)
        )
    if recipe.method == "qat":
        model = progress.stage(
            "quantization", lambda out: train_quantized(model, recipe, run, data, out, resume=True)
        )
    return model


def keep(model: keras.Model, recipe: Recipe, out: Path) -> None:
    """Writes a compressed model and its recipe into the folder `out`."""
    write_text(out / "recipe.yaml", dump(recipe))
    with replacing(out / "model.keras") as path:
        model.save(path)


def _remove_channels(model, recipe, run, data, progress):
    channels = recipe.channels
    if slimming := channels.slimming:
        model = progress.stage("slimming", lambda out: _slim(model, slimming, run, data, out))
    thin = progress.stage("narrowing", lambda out: _narrow(model, recipe, data, out))
    return progress.stage(
        "channels", lambda out: _fine_tune(thin, channels.fine_tune, run, data, out, [], 0)
    )


def _slim(model, slimming, run, data, out):
    slim(model, slimming.strength)
    last = slimming.epochs - 1  # the regularization has done most by then
    return _fine_tune(model, slimming, run, data, out, [], last)


def _narrow(model, recipe, data, out):
    channels = recipe.channels
    how = {
        "criterion": channels.criterion,
        "data": data.batches(data.train).take(CRITERION_BATCHES),
        "loss": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    }
    if channels.latency is not None:
        arithmetic = "int8" if recipe.method in ("qat", "static") else "float32"
        lane = channels.measured_on
        thin = remove_channels_for_latency(
            model, channels.latency, lane=lane, arithmetic=arithmetic, **how
        )
        target = {"latency": channels.latency, "lane": lane, "arithmetic": arithmetic}
    else:
        widths = channels.multiple_of or WIDTHS
        thin = remove_channels(model, channels.macs, multiple_of=widths, **how)
        target = {"macs": channels.macs}
    before, after = count(model).macs, count(thin).macs
    console.print(f"  {before / 1e6:.2f} -> {after / 1e6:.2f} M multiply-accumulates")
    layers = [vars(width) for width in channel_widths(model, thin)]
    report = {"target": target, "macs_before": before, "macs_after": after, "layers": layers}
    write_json(out.parent / "channels.json", report)
    return thin


def _prune(model, pruning, run, data, out):
    if pruning.engine == "tfmot":
        model = _tfmot_stages().prune(model, pruning, run, data, out)
        console.print(f"  {sparsity(model):.1%} of the prunable weights are zero")
        return model
    steps = pruning.fine_tune.epochs * data.steps_per_epoch()
    pruner = Pruning(
        model,
        pruning.sparsity,
        steps,
        begin=pruning.begin,
        end=pruning.end,
        schedule=pruning.schedule,
        pattern=pruning.pattern,
        exclude=pruning.exclude,
    )
    model = _fine_tune(model, pruning.fine_tune, run, data, out, [pruner], pruning.sparse_from)
    console.print(f"  {sparsity(model):.1%} of the prunable weights are zero")
    return model


def _cluster(model, clustering, run, data, out):
    if clustering.engine == "tfmot":
        return _tfmot_stages().cluster(model, clustering, run, data, out)
    model = cluster(model, clustering.values, exclude=clustering.exclude, summed=True)
    return _fine_tune(model, clustering.fine_tune, run, data, out, [], 0)


def train_quantized(
    model: keras.Model, recipe: Recipe, run: Run, data: Data, out: Path, *, resume: bool = False
) -> keras.Model:
    """The last stage of a recipe with `method: qat`; its history goes to the folder `out`.

    resume: go on from the checkpoint in `out`, if there is one.
    """
    quantization = required(recipe.quantization)
    if quantization.engine == "tfmot":
        return _tfmot_stages().quantize(model, quantization, run, data, out)
    model = simulated(model, quantization, training_samples(data), (True,))
    keep_zeros(model)
    if recipe.clustering:  # already clustered: this only keeps it so
        clustering = recipe.clustering
        share_values(model, clustering.values, exclude=clustering.exclude, summed=True)
    freeze = FreezeStatistics(quantization.frozen_from)
    tuning = required(quantization.fine_tune)
    model = _fine_tune(model, tuning, run, data, out, [freeze], 0, resume=resume)
    settle_biases(model)
    return model


def _tfmot_stages():
    """The stages of the engine tfmot; UserError where it is not installed."""
    from ..tfmot.extra import import_extra

    return import_extra(".stages")


def _fine_tune(model, fine_tune, run, data, out, callbacks, first_eligible, *, resume=True):
    """Trains with the run's optimizer on a new schedule; returns the best model."""
    config = run.config
    schedule = CosineSchedule(peak=fine_tune.peak)
    optimizer = config.optimizer.model_copy(update={"schedule": schedule})
    training = config.training.model_copy(
        update={"epochs": fine_tune.epochs, "precision": "float32", "ema": None}
    )
    out = writable_folder(out)
    teaching = fine_tune.distillation
    fit(
        model,
        data,
        optimizer,
        training,
        out,
        checkpoints=out / "checkpoints",
        resume=resume,
        callbacks=callbacks,
        first_eligible=first_eligible,
        loss=config.loss.model_copy(update={"auxiliary": None}),
        distillation=teaching and Distillation(model, run.model(), **dict(teaching)),
    )
    return load_finite(out / "checkpoints" / "best.keras")

"""The learning-rate range test: Smith, "Cyclical Learning Rates for Training Neural Networks",
arXiv:1506.01186, section 3.3."""

import csv
import io
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

import kerascnn.config as configs
from kerascnn.console import console
from kerascnn.data import load_data
from kerascnn.errors import UserError
from kerascnn.files import disk_errors, replacing, writable_folder, write_text
from kerascnn.training.objective import Objective
from kerascnn.training.optimizers import make_optimizer
from kerascnn.training.pretrained import copy_pretrained
from kerascnn.training.teachers import distillation_of
from kerascnn.training.train import resolved, run_model

LEAST, MOST = 1e-6, 10.0  # rates, between which it rises by the same factor step by step
STEPS = 300
MEMORY = 0.9  # of the moving average of the loss
BEYOND = 4.0  # times the best loss: there it has diverged


@dataclass(frozen=True)
class RateRange:
    """What the test found.

    rates, losses, smoothed: a number a step. steepest: the rate at which the smoothed loss falls
    fastest. lowest: that at which it is lowest. suggested: a peak for the schedule, a tenth of
    `lowest`: where it still falls, with room before it diverges.
    """

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    smoothed: tuple[float, ...]
    steepest: float
    lowest: float
    suggested: float


def find_rate(
    config: configs.Config | str | Path,
    out: str | Path,
    *,
    data_dir: str | Path | None = None,
    steps: int = STEPS,
) -> RateRange:
    """Trains some steps at a learning rate that rises from 1e-6 until the loss diverges, or to 10.

    The optimizer, the loss and the images are those of the config; its schedule is left aside.
    Writes find_rate.csv and find_rate.png into the folder `out`, and nothing else: there is no
    run to resume.

    Args:
        config: a `Config`, or the path of its YAML file. out: the folder to write into.
        data_dir: as in `train`. steps: how many at most.

    Raises:
        UserError: a config or data that does not fit, or a loss that falls nowhere.
    """
    if not isinstance(config, configs.Config):
        config = configs.load(config)
    config = resolved(config)
    out = writable_folder(Path(out))
    data = load_data(config.data, seed=config.training.seed, data_dir=data_dir)
    keras.utils.set_random_seed(config.training.seed)
    model = run_model(config, data, config.training.precision)
    if config.model.pretrained:
        copy_pretrained(model, config.model.pretrained)
    objective = _compiled(model, config)
    rates, losses = _rise(objective, data, config.training.seed, steps)
    found = _found(rates, losses)
    with disk_errors(out):
        _write(found, out)
    return found


def _compiled(model, config):
    schedule = configs.PlateauSchedule(peak=LEAST)  # a plain number as rate, which can be set
    section = config.optimizer.model_copy(update={"schedule": schedule})
    optimizer = make_optimizer(section, model.trainable_variables, steps_per_epoch=1, epochs=1)
    objective = Objective(
        model,
        loss=config.loss.name,
        smoothing=config.loss.smoothing,
        auxiliary=config.loss.auxiliary,
        distillation=config.distillation and distillation_of(config.distillation, model),
    )
    jit = config.training.xla or keras.config.backend() == "jax"
    objective.compile(optimizer, jit_compile=jit)
    return objective


def _rise(objective, data, seed, steps):
    """(rates, losses) of the steps until the loss has diverged."""
    rates, losses, average, best = [], [], 0.0, math.inf
    for number, (x, y) in enumerate(data.training_batches(seed=seed, steps=steps)):
        rate = LEAST * (MOST / LEAST) ** (number / max(1, steps - 1))
        objective.optimizer.learning_rate = rate
        objective.reset_metrics()
        logs: Any = objective.train_on_batch(x, y, return_dict=True)
        loss = float(logs["loss"])
        if not math.isfinite(loss):
            break
        rates.append(rate)
        losses.append(loss)
        average = MEMORY * average + (1 - MEMORY) * loss
        smoothed = average / (1 - MEMORY ** (number + 1))
        best = min(best, smoothed)
        if smoothed > BEYOND * best:
            break
    return rates, losses


def _found(rates, losses):
    smoothed, average = [], 0.0
    for number, loss in enumerate(losses, start=1):
        average = MEMORY * average + (1 - MEMORY) * loss
        smoothed.append(average / (1 - MEMORY**number))
    if len(rates) < 10 or min(smoothed) >= smoothed[0]:
        raise UserError(
            f"find-rate: the loss falls at no rate from {LEAST:g} on; look at the data and the "
            "initial weights"
        )
    lowest = min(range(len(rates)), key=smoothed.__getitem__)
    falls = [smoothed[i + 1] - smoothed[i] for i in range(lowest)]
    steepest = rates[min(range(len(falls)), key=falls.__getitem__)]
    peak = float(f"{rates[lowest] / 10:.1g}")
    return RateRange(tuple(rates), tuple(losses), tuple(smoothed), steepest, rates[lowest], peak)


def _write(found, out):
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["rate", "loss", "smoothed_loss"])
    writer.writerows(zip(found.rates, found.losses, found.smoothed, strict=True))
    write_text(out / "find_rate.csv", text.getvalue())
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5), dpi=120, layout="constrained")
    axes = figure.subplots()
    axes.plot(found.rates, found.losses, color="0.8", label="loss of a batch")
    axes.plot(found.rates, found.smoothed, label="its moving average")
    for rate, name, style in (
        (found.suggested, "suggested peak", "-"),
        (found.steepest, "falls fastest", ":"),
        (found.lowest, "lowest", "--"),
    ):
        axes.axvline(rate, color="C3", linestyle=style, label=f"{name}: {rate:.2g}")
    axes.set_xscale("log")
    start = found.smoothed[0]
    axes.set_ylim(max(0.0, min(found.smoothed) - 0.1 * start), 1.5 * start)
    axes.set_xlabel("learning rate")
    axes.set_ylabel("loss")
    axes.legend()
    with replacing(out / "find_rate.png") as path:
        figure.savefig(path)
    console.print(
        f"  the loss falls fastest at a rate of {found.steepest:.2g} and is lowest at "
        f"{found.lowest:.2g}",
        highlight=False,
    )

"""What can be measured of an arm: of its trained networks, or of the network before training."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from kerascnn.data import Data
from kerascnn.evaluation import averaged, log_probabilities, outputs_of
from kerascnn.experiments.by_depth import sizes_by_depth
from kerascnn.experiments.moved import translated
from kerascnn.training import Run

IMAGES = 256  # that an untrained network is looked at with
MOST_IMAGES = 2000  # of the training images, for their error
RANK = 0.01  # of the largest singular value: what is below counts as nothing


@dataclass(frozen=True)
class Outcome:
    """Of an arm and a seed. figure: None where there is none, and `note` says why. curve: over the
    epochs, or over the layers."""

    figure: float | None
    curve: tuple[float, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class Measure:
    """label: of the figure. curve: of the curve. along: what the curve runs over, epoch or layer.

    written: how a figure is, as str.format has it. log: whether figures and curves are shown by
    their logarithms. shares: whether the curve is of shares. trained: runs, argument, folder of
    data -> `Outcome`; or untrained: a network of raw pixels, its data, argument -> `Outcome`.
    """

    label: str
    curve: str
    written: str = "{:.2%}"
    along: str = "epoch"
    log: bool = False
    shares: bool = True
    needs_argument: bool = False
    trained: Callable[[Sequence[Run], Any, Path | None], Outcome] | None = None
    untrained: Callable[[keras.Model, Data, Any], Outcome] | None = None


def _errors(run, column="accuracy"):
    return tuple(1 - row[column] for row in run.history)


def _training_error(runs, argument, data_dir):
    curve = _errors(runs[0])
    return Outcome(curve[-1], curve)


def _steps_to(runs, argument, data_dir):
    """Steps, between two epochs by a straight line; an epoch's error is the mean over its steps."""
    curve = _errors(runs[0])
    facts, batch = runs[0].facts, runs[0].config.data.batch_size
    steps = max(1, facts["images"]["train"] // batch)
    for epoch, error in enumerate(curve, start=1):
        if error <= argument:
            before = curve[epoch - 2] if epoch > 1 else error
            over = (error - argument) / (error - before) if before > error else 0.0
            return Outcome(steps * (epoch - over), curve)
    return Outcome(None, curve, "not reached")


def _logs(run, pixels):
    return log_probabilities(outputs_of(run.model(), pixels.astype("float32"), run.path))


def _error(logs, labels):
    return float(np.mean(logs.argmax(axis=1) != labels))


def _test_error(runs, argument, data_dir):
    """Of the average of the runs' probabilities."""
    data = runs[0].data(data_dir)
    logs = averaged([_logs(run, data.pixels(data.test)) for run in runs])
    return Outcome(_error(logs, data.test.labels), _errors(runs[0], "val_accuracy"))


def _gap(runs, argument, data_dir):
    """Test error minus training error, both of the finished network on images as they are."""
    run, data = runs[0], runs[0].data(data_dir)
    learned = data.train.take(np.arange(min(len(data.train), MOST_IMAGES)))
    errors = [_error(_logs(run, data.pixels(part)), part.labels) for part in (data.test, learned)]
    curve = tuple(row["accuracy"] - row["val_accuracy"] for row in run.history)
    return Outcome(errors[0] - errors[1], curve)


def _shifted_error(runs, argument, data_dir):
    """The mean over the eight directions of a shift by `argument` pixels."""
    run, data = runs[0], runs[0].data(data_dir)
    pixels, labels = data.pixels(data.test), data.test.labels
    far = round(argument)
    shifts = [(y, x) for y in (-far, 0, far) for x in (-far, 0, far) if y or x]
    errors = [_error(_logs(run, translated(pixels, *shift)), labels) for shift in shifts]
    return Outcome(float(np.mean(errors)), _errors(run, "val_accuracy"))


def _different_filters(runs, argument, data_dir):
    """The rank of the filters of the first layer with kernels; the curve is their spectrum."""
    kernels = [
        layer.kernel
        for layer in runs[0].model().layers
        if getattr(layer, "kernel", None) is not None
    ]
    values = keras.ops.convert_to_numpy(kernels[0])
    spectrum = np.linalg.svd(values.reshape(-1, values.shape[-1]), compute_uv=False)
    spectrum = spectrum / max(spectrum[0], 1e-30)
    return Outcome(float((spectrum > RANK).sum()), tuple(map(float, spectrum)))


def _sizes(model, data, which):
    part = data.train.take(np.arange(min(len(data.train), IMAGES)))
    sizes = sizes_by_depth(model, data.pixels(part), part.labels)[which]
    return sizes, tuple(map(float, sizes))


def _activation_ratio(model, data, argument):
    sizes, curve = _sizes(model, data, 0)
    return Outcome(_ratio(sizes[-1], sizes[0]), curve)


def _gradient_ratio(model, data, argument):
    sizes, curve = _sizes(model, data, 1)
    return Outcome(_ratio(sizes[0], sizes[-1]), curve)


def _ratio(far, near):
    """0 where nothing arrives, also where nothing was sent."""
    return float(far / near) if far else 0.0


BY_DEPTH: dict[str, Any] = {"written": "{:.3g}", "along": "layer", "log": True, "shares": False}
MEASURES = {
    "training_error": Measure(
        "training error in the last epoch", "training error", trained=_training_error
    ),
    "steps_to": Measure(
        "steps to a training error of {argument:.0%}",
        "training error",
        written="{:,.0f}",
        needs_argument=True,
        trained=_steps_to,
    ),
    "test_error": Measure("test error", "validation error", trained=_test_error),
    "generalization_gap": Measure(
        "test error minus training error", "validation error minus training error", trained=_gap
    ),
    "shifted_error": Measure(
        "test error on images shifted by {argument:.0f} pixels",
        "validation error, not shifted",
        needs_argument=True,
        trained=_shifted_error,
    ),
    "different_filters": Measure(
        "rank of the first layer's filters",
        "singular value over the largest",
        written="{:.0f}",
        along="number of the singular value",
        shares=False,
        trained=_different_filters,
    ),
    "activation_ratio": Measure(
        "activations of the last hidden layer over those of the first",
        "root mean square of activations",
        untrained=_activation_ratio,
        **BY_DEPTH,
    ),
    "gradient_ratio": Measure(
        "gradient at the first hidden layer over that at the last",
        "root mean square of the gradient",
        untrained=_gradient_ratio,
        **BY_DEPTH,
    ),
}

"""Channel removal until a file takes a share of its latency on a named lane.

Multiply-accumulates are not time: kernels take channels by eights or sixteens, a layer of few
channels is slow for what it computes, and part of a network is not in its convolutions at all. So
what each layer takes is measured first, where the lane tells; channels go by their importance for
that time; and how many go is found by running real files, the narrow one and the whole in turns.
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import keras

from kerascnn.console import console
from kerascnn.errors import UserError, required

from ..conversion.convert import convert
from ..lanes import Lane, Options, chosen
from ..pruning.channel_choice import Removal
from ..pruning.channel_removal import narrow, scored
from ..quantization.calibration import quantize
from ..subject.meaning import pixel_inputs
from ..subject.subject import noise_for

MULTIPLES = (16, 8)  # widths that kernels are made for; small networks need the finer ones
PROBES = 5  # bisections of each: shares of the multiply-accumulates 1/32 apart
RUNS = 200
CALIBRATED_ON = 64  # samples: ranges only have to be there for a file to be timed


@dataclass(frozen=True)
class Reached:
    """A narrow model.

    macs: the share of the multiply-accumulates it was chosen for, in widths that are multiples of
    `multiple`. lost: the importance of the channels that went. latency: its share of the whole
    model's, in the `setting` of the lane in which that is largest.
    """

    model: keras.Model
    macs: float
    multiple: int
    lost: float
    latency: float
    setting: str


def remove_channels_for_latency(
    model: keras.Model,
    latency: float,
    *,
    lane: str = "litert",
    arithmetic: Literal["float32", "int8"] = "int8",
    data: Any = None,
    loss: Any = None,
    criterion: str = "taylor",
) -> keras.Model:
    """A narrower copy of a model, whose file takes a share of the time on a lane.

        thin = export.remove_channels_for_latency(model, 0.5, data=train_ds, loss="mse")

    What is timed is not trained: latency does not depend on the weights. It takes some ten
    conversions and measurements. Of the models that reach the share, the one whose
    removed channels matter least is returned.

    Args:
        model, data, loss, criterion: as in `remove_channels`.
        latency: the share of the whole model's latency to take at most, between 0 and 1. Where a
            lane has several settings, as sizes of an NPU, it holds in each.
        lane: as `kerascnn doctor` lists them: by a clock, by counted instructions or by cycles.
        arithmetic: of the files that are compared.

    Returns:
        A `keras.Model`, as `remove_channels` does.

    Raises:
        UserError: a lane that is not here or refuses the files, or a share that is not reached;
            the least that can be had is named.
    """
    if not 0 < latency < 1:
        raise UserError(f"channels.latency: expected a share between 0 and 1, got {latency}")
    lanes = chosen(lane)
    if lane == "all" or len(lanes) != 1:
        raise UserError(f"channels.lane: expected one lane, got {lane!r}")
    found = scored(model, data=data, loss=loss, criterion=criterion)
    inputs = found.samples or noise_for(found.groups.model, pixel_inputs(found.groups.model))[0]
    with tempfile.TemporaryDirectory() as folder:
        trial = _Trial(lanes[0], arithmetic, inputs.take(slice(CALIBRATED_ON)), Path(folder), model)
        removal = Removal(found.groups, found.scores, found.sizes, trial.times())
        tried = [reached for m in MULTIPLES for reached in _tried(removal, m, latency, trial)]
        fitting = [reached for reached in tried if reached.latency <= latency]
        for reached in sorted(fitting, key=lambda r: r.lost):
            again, _ = trial.share(reached.model)  # a lucky measurement is no answer
            if again <= latency:
                console.print(
                    f"  channels: {again:.2f} of the latency on {lane} with {reached.macs:.2f} of "
                    f"the multiplications; widths are multiples of {reached.multiple}"
                )
                return reached.model
    least = min(tried, key=lambda r: r.latency)
    raise UserError(
        f"channels.latency: {model.name} comes down to {least.latency:.2f} of its {arithmetic} "
        f"latency on {lane}, {least.setting} (with {least.macs:.2f} of the multiplications), "
        f"expected {latency:g}"
    )


def _tried(removal, multiple, latency, trial):
    """What a bisection over the share of the multiplications meets; the least where none fits."""
    least = removal.least(multiple)
    low, high = least, 1.0
    for _ in range(PROBES):
        macs = (low + high) / 2
        reached = _at(removal, macs, multiple, trial)
        yield reached
        low, high = (macs, high) if reached.latency <= latency else (low, macs)
    if low == least:
        yield _at(removal, least, multiple, trial)


def _at(removal, macs, multiple, trial):
    keep = removal.keep(macs, multiple)
    thin, lost = narrow(removal.groups, keep), float(removal.scores[~keep].sum())
    return Reached(thin, macs, multiple, lost, *trial.share(thin))


class _Trial:
    """Files of a model and of narrower ones, on a lane."""

    def __init__(self, lane: Lane, arithmetic, samples, folder, model):
        self.lane, self.arithmetic, self.samples, self.folder = lane, arithmetic, samples, folder
        self.format = "tflite" if ".tflite" in lane.formats else "onnx"
        self.whole = self._written(model, "whole")

    def times(self):
        """Name of a layer -> milliseconds of the whole model's, where the lane tells."""
        operators = []
        for figure in self._figures([self.whole], Options(runs=RUNS, operators=True)):
            operators = operators or figure.details.get("operators") or []
        times = {}
        for operator in operators:
            name = operator["layer"].rsplit("/", 1)[-1]
            times[name] = times.get(name, 0.0) + operator["milliseconds"]
        return times

    def share(self, model):
        """(latency of a narrow model over that of the whole one, the setting where it is most)."""
        thin = self._written(model, "thin")
        figures = self._figures([self.whole, thin], Options(runs=RUNS))
        values = {(Path(f.file), f.setting): required(f.value) for f in figures}
        settings = {setting for _, setting in values}
        return max((values[thin, s] / values[self.whole, s], s) for s in settings)

    def _figures(self, paths, options):
        figures = self.lane.bench(paths, options)
        for figure in figures:
            if figure.value is None:
                raise UserError(
                    f"channels.lane: {self.lane.name} gives no figure: {figure.refused}"
                )
        return figures

    def _written(self, model, name):
        if self.arithmetic == "int8":
            model = quantize(model, self.samples)
        path = self.folder / f"{name}.{self.format}"
        path.write_bytes(convert(model, self.format))
        return path

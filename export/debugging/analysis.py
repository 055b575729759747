"""Which layers lose the accuracy of an int8 network: signal-to-noise and share of the loss.

The float network to compare with is the simulation's own with every rounding off, so that what is
measured is the rounding, not a training in between.

share of the loss   The roundings are switched on one at a time, everything else float: a kernel, or
                    the output of a layer. Each gives an error, the mean squared difference of the
                    logits. A layer's share is the sum of its two errors over the sum of all: the
                    shares of a network add up to 1. Errors of a deep network do not add up quite;
                    `additivity` is the error of all at once over the sum of the single ones.
signal-to-noise     10 log10(mean of x^2 / mean of (x - rounded x)^2) for each channel, averaged in
                    dB over the channels that carry any signal. Taken over the whole tensor at once
                    it would be that of the largest channel, whatever became of the others.
"""

from dataclasses import dataclass

import keras
import numpy as np
from keras import layers

from kerascnn.tables import Table

from ..quantization.portions import portions
from ..quantization.quantized_layers import along_kernel
from ..subject.meaning import class_numbers
from ..subject.samples import Samples
from .diagnosis import EXACT
from .probe import Probe
from .tables import worst_layers

SPREAD_BINS = 2048
MARGIN = 0.02  # of a range; what lies less than that outside has lost nothing worth a word


@dataclass(frozen=True)
class Weights:
    """What rounding does to a kernel.

    snr: dB, over the output channels or over the input channels, whichever is lower: an input
    channel of small weights drowns in the steps that the others need.
    outlier: the largest weight over the median of its output channel's, the most of all of them,
    and that is `outlier_channel`. spread: the range of output channel `channel`, the widest, over
    the median one, where one scale serves all; else 1. input_steps: of 127, that the weights of the
    median input channel reach, and input_channel the one with the largest.
    """

    snr: float
    outlier: float
    outlier_channel: int
    spread: float
    channel: int
    input_channel: int
    input_steps: float


@dataclass(frozen=True)
class Activations:
    """What rounding does to the output of a layer, on the images.

    snr: dB, of this rounding alone. accumulated: dB, of the simulation against the float network.
    low, high: the range. clipped: the share of values well outside. spread: the range of channel
    `channel`, the widest, over the median one. steps: of 255, that the median channel's range
    takes. core: the share of the range that holds 99.9 % of the values. dead: channels that are
    constant, of `channels`.
    """

    snr: float
    accumulated: float
    low: float
    high: float
    clipped: float
    spread: float
    channel: int
    steps: float
    core: float
    dead: int
    channels: int


@dataclass(frozen=True)
class Layer:
    """What one unit of an int8 network loses.

    share: of the loss, 0..1, the sum of its weights' and its activations' part. alone: points of
    accuracy lost on the images when this layer alone rounds; None where its share is negligible.
    layers: every Keras layer that the unit computes. takers: those that take its rounded output.
    """

    name: str
    kind: str
    layers: tuple
    takers: tuple
    weights_share: float
    activations_share: float
    weights: Weights | None
    activations: Activations | None
    alone: float | None = None

    @property
    def share(self) -> float:
        return self.weights_share + self.activations_share


@dataclass(frozen=True)
class Analysis:
    """layers: the worst first. snr: dB, of all outputs.

    float_accuracy, int8_accuracy: 0..1, without and with the roundings, on `images`; where those
    have no labels, the float network's count. None where the outputs are no row of classes.
    """

    layers: tuple
    images: int
    float_accuracy: float | None
    int8_accuracy: float | None
    labelled: bool
    snr: float
    additivity: float

    @property
    def table(self) -> Table:
        """The worst layers: what each loses. `print(analysis.table)` shows it."""
        return worst_layers(self)


def analyse(
    simulated: keras.Model,
    samples: Samples,
    meaning: str | None = None,
    *,
    negligible: float = 0.05,
) -> Analysis:
    """Finds what each layer of a simulation loses.

    Args:
        simulated: what `quantize` gave, calibrated.
        samples: to measure on. meaning: "classes" where the targets are those, of the only output.
        negligible: layers below this share are not run alone for their accuracy.

    Returns:
        An `Analysis`.
    """
    inputs = [np.asarray(x, "float32") for x in samples.inputs]
    probe = Probe(simulated)
    clean = probe.outputs(inputs)
    labelled = meaning == "classes" and samples.targets is not None
    labels = class_numbers(samples.targets[0]) if labelled else None
    shapes = [y.shape for y in probe.model.outputs]
    if not labelled and len(shapes) == 1 and len(shapes[0]) == 2 and shapes[0][1] > 1:
        labels = clean.argmax(1)

    def error(outputs):
        return float(np.mean((outputs - clean) ** 2))

    def hits(logits):
        return None if labels is None else float((logits.argmax(1) == labels).mean())

    errors = {}
    for number, unit in enumerate(probe.units):
        for side, present in (("weights", unit.kernel), ("activations", unit.switch)):
            if present is not None:
                probe.set([unit], **{side: True})
                errors[number, side] = error(probe.outputs(inputs))
                probe.set([unit], **{side: False})
    total = sum(errors.values()) or 1.0
    facts = _activation_facts(probe, inputs)
    trained = hits(clean)
    found = []
    for number, unit in enumerate(probe.units):
        shares = [errors.get((number, side), 0.0) / total for side in ("weights", "activations")]
        alone = None
        if sum(shares) >= negligible and labels is not None:
            probe.set([unit], weights=True, activations=True)
            alone = round(100 * (trained - hits(probe.outputs(inputs))), 6)
            probe.set([unit], weights=False, activations=False)
        weights = _weight_facts(unit) if unit.kernel else None
        about = facts.get(id(unit))
        names = unit.name, unit.kind, tuple(unit.layers), tuple(unit.takers)
        found.append(Layer(*names, *shares, weights, about, alone))
    probe.set(probe.units, weights=True, activations=True)
    rounded = probe.outputs(inputs)
    lost = error(rounded)
    return Analysis(
        tuple(sorted(found, key=lambda layer: -layer.share)),
        len(samples),
        trained,
        hits(rounded),
        labelled,
        decibels([np.mean(clean**2)], [lost]),
        lost / total,
    )


def decibels(signal: np.ndarray, noise: np.ndarray) -> float:
    """The mean of the channels' signal-to-noise ratios, (channels,) powers, `EXACT` at most."""
    signal, noise = (np.asarray(v, "float64") for v in (signal, noise))
    carrying = signal > 0
    if not carrying.any():
        return EXACT
    ratio = signal[carrying] / np.maximum(noise[carrying], signal[carrying] * 10 ** (-EXACT / 10))
    return float(np.mean(10 * np.log10(ratio)))


def _weight_facts(unit):
    values, rounded, _ = unit.kernel
    layer = unit.source
    if layer.gain is not None and not layer.per_channel:  # what is rounded is the product
        gain = np.asarray(along_kernel(layer, layer.gain(), values))
        values, rounded = values * gain, rounded * gain
    kernel, error = (by_outputs(layer, v) for v in (values, rounded - values))
    largest = np.abs(kernel).max(0)
    typical = [np.median(c[c > 0]) if c.any() else np.inf for c in np.abs(kernel).T]
    outliers = largest / np.array(typical)
    spread, channel = (1.0, 0) if layer.per_channel else _spread(largest)
    snr, steps = decibels((kernel**2).mean(0), (error**2).mean(0)), np.array([127.0])
    if not isinstance(layer, layers.DepthwiseConv2D):
        each = largest if layer.per_channel else np.full_like(largest, largest.max())
        each = np.where(each > 0, each, 1.0)
        steps = 127 * by_inputs(layer, np.abs(values) / along_outputs(layer, each)).max(0)
        signal, noise = (by_inputs(layer, v**2).mean(0) for v in (values, rounded - values))
        snr = min(snr, decibels(signal, noise))
    return Weights(
        snr=snr,
        outlier=float(outliers.max()),
        outlier_channel=int(outliers.argmax()),
        spread=spread,
        channel=channel,
        input_steps=float(np.median(steps)),
        input_channel=int(steps.argmax()),
    )


def by_outputs(layer: keras.Layer, kernel: np.ndarray) -> np.ndarray:
    """A kernel as float64, (weights, output channels)."""
    kernel = kernel.astype("float64")
    if isinstance(layer, layers.DepthwiseConv2D):
        return kernel.reshape(-1, kernel.shape[-2] * kernel.shape[-1])
    if isinstance(layer, layers.Conv2DTranspose):
        kernel = kernel.swapaxes(-1, -2)
    return kernel.reshape(-1, kernel.shape[-1])


def by_inputs(layer: keras.Layer, kernel: np.ndarray) -> np.ndarray:
    """A kernel that is not depthwise as float64, (weights, input channels of a group)."""
    kernel = kernel.astype("float64")
    if not isinstance(layer, layers.Conv2DTranspose):
        kernel = kernel.swapaxes(-1, -2)
    return kernel.reshape(-1, kernel.shape[-1])


def along_outputs(layer: keras.Layer, values: np.ndarray) -> np.ndarray:
    """One number an output channel, in a shape that a kernel can be divided by."""
    return values[:, None] if isinstance(layer, layers.Conv2DTranspose) else values


def _spread(ranges):
    """(the largest over the median of the ranges above zero, where the largest is)."""
    alive = ranges[ranges > 0]
    return (float(ranges.max() / np.median(alive)) if alive.size else 1.0), int(ranges.argmax())


def _activation_facts(probe, inputs):
    """id of a unit -> its `Activations`, in one pass, batch by batch."""
    if not probe.tapped:
        return {}
    sums = [_Channels(unit.switch.rounding) for unit in probe.tapped]
    for portion in portions(probe.taps, [inputs]):
        probe.set(probe.units, weights=False, activations=False)
        clean = probe.activations(portion)
        probe.set(probe.units, weights=True, activations=True)
        for channels, x, simulated in zip(sums, clean, probe.activations(portion), strict=True):
            channels.add(x, simulated)
    probe.set(probe.units, weights=False, activations=False)
    return {id(unit): c.facts() for unit, c in zip(probe.tapped, sums, strict=True)}


class _Channels:
    """Sums over batches, one a channel (the last axis), of an activation before its rounding."""

    def __init__(self, rounding):
        self.rounding = rounding
        self.low, self.high = (float(v) for v in (rounding.minimum, rounding.maximum))
        self.count = self.outside = 0
        self.signal = self.noise = self.apart = 0.0
        self.least, self.most = np.inf, -np.inf
        self.histogram = np.zeros(SPREAD_BINS)

    def add(self, x: keras.KerasTensor, simulated: keras.Model) -> None:
        rounded = np.asarray(self.rounding(x, training=False))
        flat, near, far = (v.reshape(-1, x.shape[-1]) for v in (x, rounded, simulated))
        self.count += flat.size
        margin = MARGIN * (self.high - self.low)
        self.outside += int(((flat < self.low - margin) | (flat > self.high + margin)).sum())
        self.signal = self.signal + (flat.astype("float64") ** 2).sum(0)
        self.noise = self.noise + ((flat - near).astype("float64") ** 2).sum(0)
        self.apart = self.apart + ((flat - far).astype("float64") ** 2).sum(0)
        self.least = np.minimum(self.least, flat.min(0))
        self.most = np.maximum(self.most, flat.max(0))
        if self.high > self.low:
            bounds = (self.low, self.high)
            self.histogram += np.histogram(flat, SPREAD_BINS, bounds)[0]

    def facts(self):
        ranges = self.most - self.least
        spread, widest = _spread(ranges)
        alive = ranges[ranges > 0]
        width = max(self.high - self.low, np.finfo("float32").tiny)
        below = np.cumsum(self.histogram) / max(self.histogram.sum(), 1)
        first, last = np.searchsorted(below, [0.0005, 0.9995])
        return Activations(
            snr=decibels(self.signal, self.noise),
            accumulated=decibels(self.signal, self.apart),
            low=self.low,
            high=self.high,
            clipped=self.outside / max(self.count, 1),
            spread=spread,
            channel=widest,
            steps=float(np.median(alive) / width * 255) if alive.size else 0.0,
            core=float(last - first + 1) / SPREAD_BINS,
            dead=int((ranges == 0).sum()),
            channels=len(ranges),
        )

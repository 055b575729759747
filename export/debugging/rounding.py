"""What rounding does to a kernel and to what a layer gives: signal to noise, ranges, steps."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import layers
from numpy.typing import ArrayLike

from kerascnn.errors import required

from ..quantization.portions import portions
from ..quantization.quantized_layers import along_kernel
from .findings import EXACT, Activations, Weights
from .probe import Probe, Unit

SPREAD_BINS = 2048
MARGIN = 0.02  # of a range; what lies less than that outside has lost nothing worth a word


def decibels(signal: ArrayLike, noise: ArrayLike) -> float:
    """The mean of the channels' signal-to-noise ratios, (channels,) powers, `EXACT` at most."""
    signal, noise = (np.atleast_1d(np.asarray(v, "float64")) for v in (signal, noise))
    carrying = signal > 0
    if not carrying.any():
        return EXACT
    ratio = signal[carrying] / np.maximum(noise[carrying], signal[carrying] * 10 ** (-EXACT / 10))
    return float(np.mean(10 * np.log10(ratio)))


def weight_facts(unit: Unit) -> Weights:
    """What the rounding of a kernel does to it."""
    assert unit.kernel is not None  # else there is nothing to ask about
    values, rounded, _ = unit.kernel
    layer: Any = required(unit.source)
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


def activation_facts(probe: Probe, inputs: Sequence[np.ndarray]) -> dict[int, Activations]:
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
        self.least, self.most = np.array(np.inf), np.array(-np.inf)
        self.histogram = np.zeros(SPREAD_BINS)

    def add(self, x: np.ndarray, simulated: np.ndarray) -> None:
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
        ranges = np.asarray(self.most - self.least)
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

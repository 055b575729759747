"""Activation ranges that leave out what is rare, so that what is common gets finer steps.

extremes        the smallest and the largest value that calibration met
percentile      what 0.01 % of the values lie beyond, on either side
least_squares   the range whose rounding and clipping have the smallest mean squared error
                (Banner et al., arXiv:1810.05723, section 2, measured here on a histogram)
"""

from collections.abc import Iterable
from typing import Any

import keras
import numpy as np

from kerascnn.console import quiet_tensorflow
from kerascnn.models.graph import new_inputs, walk

from .fake_quant import FakeQuant
from .portions import portions

RARE = 1e-4  # the share of values that a percentile leaves out on a side
BINS = 4096
SHRINKS = np.geomspace(1.0, 0.02, 60)  # of the extremes, that least squares tries on each side


def narrow_ranges(model: keras.Model, batches: Iterable[Any], method: str) -> None:
    """Narrows the watched ranges of a calibrated simulation. In place.

    Args:
        model: what `quantize` gave, calibrated to extremes.
        batches: raw pixels, (n, height, width, channels); the images of the calibration.
        method: "percentile" or "least_squares".
    """
    choose = {"percentile": percentile, "least_squares": least_squares}[method]
    watched, taps = _float_activations(model)
    bounds = {x: (float(x.minimum), float(x.maximum)) for x in watched}
    counts = {x: np.zeros(BINS) for x in watched}
    for images in portions(taps, batches):
        with quiet_tensorflow():
            found = taps.predict_on_batch(images)
        for layer, x in zip(watched, keras.tree.flatten(found), strict=True):
            if bounds[layer][1] > bounds[layer][0]:
                counts[layer] += np.histogram(x, BINS, bounds[layer])[0]
    for layer, count in counts.items():
        low, high = bounds[layer]
        if high > low:
            low, high = choose(count, low, high)
            layer.set_range(min(low, 0.0), max(high, 0.0))  # padding needs zero exactly


def _float_activations(model):
    """The watched `FakeQuant` of each tensor, and a model of what is there if none rounds."""
    watched, found, inputs = [], [], new_inputs(model)

    def call(node, *args, **kwargs):
        layer = node.operation
        if not isinstance(layer, FakeQuant):
            return layer(*args, **kwargs)
        if layer.watches(**{"index": 0, **kwargs}):
            watched.append(layer)
            found.append(args[0])
        return args[0]

    walk(model, inputs, call)
    return watched, keras.Model(keras.tree.flatten(inputs), found)


def percentile(count: np.ndarray, low: float, high: float) -> tuple[float, float]:
    """The range within a histogram of (low, high) that leaves out `RARE` of it on each side."""
    edges = np.linspace(low, high, len(count) + 1)
    below = np.cumsum(count) / count.sum()
    first, last = np.searchsorted(below, [RARE, 1 - RARE])
    return float(edges[first]), float(edges[last + 1])


def least_squares(count: np.ndarray, low: float, high: float) -> tuple[float, float]:
    """The range within a histogram of (low, high) whose 256 steps err least, in the mean square.

    The upper end is shrunk first, then the lower one.
    """
    edges = np.linspace(low, high, len(count) + 1)
    values = (edges[:-1] + edges[1:]) / 2

    def error(ends):
        step = (ends[1] - ends[0]) / 255
        outside = values - values.clip(*ends)
        # A value within is off by half a step at most, any share of it alike.
        return (count * np.where(outside == 0, step**2 / 12, outside**2)).sum()

    high = min((max(high, 0) * s for s in SHRINKS), key=lambda end: error((min(low, 0), end)))
    low = min((min(low, 0) * s for s in SHRINKS), key=lambda end: error((end, high)))
    return low, high

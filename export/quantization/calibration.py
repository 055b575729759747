"""Activation ranges from training images."""

import numpy as np

from .bias_correction import CORRECTION_IMAGES, correct_biases
from .equalization import equalize
from .quantize import calibrate, quantize
from .ranges import narrow_ranges


def calibration_images(data, calibration):
    """The training images that a `Calibration` asks for, in the order of the split.

    Returns:
        A `Split` of the training images of `data`; `Data.batches` does not augment it.
    """
    return data.train.take(drawn(len(data.train), calibration.images, calibration.seed))


def drawn(available, count, seed=0):
    """Indices of `count` of so many images, or of all, drawn evenly, in their order."""
    return np.sort(np.random.default_rng(seed).permutation(available)[:count])


def simulated(model, quantization, data):
    """Rebuilds a model so that it rounds to int8, calibrated, as a `Quantization` says."""
    images = calibration_images(data, quantization.calibration)
    return calibrated(
        model, quantization, lambda: (batch for batch, _ in data.batches(images)),
        lambda count: data.pixels(images, count),
    )  # fmt: skip


def calibrated(model, quantization, batches, first):
    """The same on images from anywhere.

    Args:
        model, quantization: as for `simulated`.
        batches: gives batches of raw pixels, anew at each call.
        first: a number -> so many of the images, at most.
    """
    options = {"per_channel": quantization.per_channel, "exclude": quantization.exclude}
    if quantization.equalize:
        model = equalize(model, batches(), **options).model
    twin = quantize(model, **options)
    calibrate(twin, batches())
    if quantization.calibration.ranges != "extremes":
        narrow_ranges(twin, batches(), quantization.calibration.ranges)
    if quantization.correct_biases:
        correct_biases(twin, first(CORRECTION_IMAGES))
    return twin

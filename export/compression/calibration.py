"""Activation ranges from training images."""

import numpy as np

from export.compression.qat import calibrate, quantize


def calibration_images(data, calibration):
    """The training images that a `Calibration` asks for, in the order of the split.

    Returns:
        A `Split` of the training images of `data`; `Data.batches` does not augment it.
    """
    order = np.random.default_rng(calibration.seed).permutation(len(data.train))
    return data.train.take(np.sort(order[: calibration.images]))


def simulated(model, quantization, data):
    """Rebuilds a model so that it rounds to int8, its ranges calibrated by a `Quantization`."""
    twin = quantize(model, per_channel=quantization.per_channel)
    images = calibration_images(data, quantization.calibration)
    calibrate(twin, (batch for batch, _ in data.batches(images)))
    return twin

"""A float model as one that simulates int8, with its ranges taken from data: `export.quantize`."""

import re
from collections.abc import Callable, Sequence
from typing import Any

import keras

from kerascnn.console import console
from kerascnn.errors import required
from kerascnn.models.graph import traced

from ..constraints.values import keep_values
from ..constraints.zeros import keep_zeros
from ..integer_form.names import refuse_layer_names
from ..recipes.stages import Calibration, Quantization, Ranges
from ..subject.meaning import asked_pixels
from ..subject.samples import Samples, in_batches, samples_of
from .bias_correction import CORRECTION_IMAGES, correct_biases
from .equalization import equalize
from .quantizer import calibrate, quantized_model, refuse_quantized
from .ranges import narrow_ranges
from .rules import without_rule

SAMPLES = 512


def quantize(
    model: keras.Model,
    data: Any,
    *,
    per_channel: bool = True,
    exclude: Sequence[str] = (),
    pixels: bool | Sequence[bool] | None = None,
    ranges: Ranges = "extremes",
    equalized: bool = False,
    corrected: bool = False,
    samples: int = SAMPLES,
) -> keras.Model:
    """Rebuilds a model so that it predicts, and trains, with the arithmetic of an int8 file.

    The result is an ordinary Keras model, with the class, the names, the inputs and the outputs of
    the one given, which stays as it is: compile and fit it as you like, save it, load it, go on.
    `export.deliver` makes files of it. It is calibrated, so that it can be delivered at once, too.
    A layer that int8 has no rule for stays float, between two roundings; one line says which.
    Zeros that pruning left stay zeros in the training, and values that clustering made stay shared.

    Args:
        model: functional, sequential, or a class of its own that is made of Keras operations.
        data: what the model is fitted with (see `samples_of`); only its inputs are used.
        per_channel: a scale for each output channel of a convolution, else one a kernel, as some
            NPUs need it.
        exclude: shell patterns of the names of layers that stay float.
        pixels: for each input, or for all, whether it takes raw pixels, 0..255, which files then
            take as bytes. By default those do whose first layer is a Rescaling or Normalization
            made for pixels. The range of any other input is measured.
        ranges: "extremes" of the data, or narrower ones, "percentile" or "least_squares".
        equalized: whether channels are brought to like ranges first. corrected: whether biases
            take back what rounding shifts.
        samples: of the data that are used at most.

    Returns:
        The quantized `keras.Model`.

    Raises:
        UserError: a pattern that no layer has, a range that is none, or data that do not fit.
    """
    model = traced(model)
    refuse_layer_names(model)
    found = samples_of(model, data, samples)
    pixels = asked_pixels(model, pixels, found)
    quantization = Quantization(
        method="static",
        per_channel=per_channel,
        exclude=tuple(exclude),
        equalize=equalized,
        correct_biases=corrected,
        calibration=Calibration(ranges=ranges),
    )
    simulated = calibrated(model, quantization, found, pixels)
    keep_values(simulated)
    keep_zeros(simulated)
    return simulated


def calibrated(
    model: keras.Model, quantization: Quantization, samples: Samples, pixels: Sequence[bool]
) -> keras.Model:
    """The same, by the section `quantization` of a recipe, on all of the samples."""
    refuse_quantized(model)
    exclude = quantization.exclude
    if lacking := without_rule(model, exclude=exclude, pixels=pixels):
        console.print(f"  in float: {_told(lacking)}")
        exclude = (*exclude, *lacking)
    options = {"per_channel": quantization.per_channel, "exclude": exclude, "pixels": pixels}
    if quantization.equalize:
        model = equalize(model, in_batches(samples), **options).model
    simulated = quantized_model(model, **options)
    calibrate(simulated, in_batches(samples))
    if (ranges := required(quantization.calibration).ranges) != "extremes":
        narrow_ranges(simulated, in_batches(samples), ranges)
    if quantization.correct_biases:
        correct_biases(simulated, samples.take(slice(CORRECTION_IMAGES)).inputs)
    return simulated


def _told(lacking):
    """Layers that int8 has no rule for, in one line: a pattern for those that are called alike."""
    patterns = {}
    for name, reason in lacking.items():
        patterns.setdefault((re.sub(r"\d+", "*", name), reason), []).append(name)
    return "; ".join(
        f"{names[0] if len(names) == 1 else f'{pattern} ({len(names)} layers)'}, since int8 has "
        f"no rule for {reason}"
        for (pattern, reason), names in patterns.items()
    )


def simulated(
    model: keras.Model,
    quantization: Quantization,
    calibration: Callable[[int, int], Samples],
    pixels: Sequence[bool],
) -> keras.Model:
    """The same, on the samples that the recipe asks for.

    calibration: (count, seed) -> samples, as a `Subject` has it.
    """
    wanted = required(quantization.calibration)
    return calibrated(model, quantization, calibration(wanted.images, wanted.seed), pixels)

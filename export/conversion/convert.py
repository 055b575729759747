"""Keras model -> the bytes of a .tflite or an .onnx file: `export.convert`."""

from collections.abc import Sequence

import keras

from kerascnn.console import quiet_tensorflow
from kerascnn.errors import UserError
from kerascnn.models.graph import computes_in, in_float32, traced

from ..integer_form.names import refuse_layer_names
from ..subject.meaning import asked_pixels
from ..subject.samples import Samples
from .formats import OPSETS, refuse_formats
from .onnx import to_onnx
from .tflite import to_tflite


def convert(
    model: keras.Model,
    to: str,
    *,
    batch: int | None = 1,
    pixels: Sequence[bool] | bool | None = None,
    io: str | None = None,
    opset: int | None = None,
    method: str | None = None,
    samples: Samples | None = None,
) -> bytes:
    """Converts a Keras model.

    Args:
        model: functional or sequential. One that simulates int8 becomes an int8 file, any other a
            float32 file, or what `method` says.
        to: "tflite" or "onnx".
        batch: inputs at a time; None for any number.
        pixels: for each input, or for all, whether it takes raw pixels, 0..255: the file then takes
            them as bytes. By default as `pixel_inputs` finds. Any other input of a float file takes
            the floats that the model takes; of an int8 file integers, by its scale.
        io: what stands at both ends of an int8 .tflite file: "uint8" (the default), "int8" (a
            pixel is its byte less 128) or "float32" (what the model takes and gives). Of a float
            file only "float32": pixels come in as floats, as TFLite Micro wants them.
        opset: of an .onnx file, 17 to 25; 17 by default, which most runtimes have.
        method: how the converter quantizes a float model: "dynamic", "float16" or "int16x8", as
            in a recipe; None not at all.
        samples: which "int16x8" takes its ranges from.

    Returns:
        The bytes of the file. Nothing has run it yet: `deliver` and `verify` do.

    Raises:
        UserError: unknown format, a method or option that it has not, or an operation.
    """
    refuse_formats(method, [to], batch=batch, io=io, opset=opset)
    if keras.backend.backend() != "tensorflow":
        raise UserError(
            f"files are written with Keras on TensorFlow, it runs on {keras.backend.backend()}; "
            "save the model, and convert it where KERAS_BACKEND=tensorflow"
        )
    model = traced(model)
    refuse_layer_names(model)
    if computes_in(model) - {"float32"}:
        model = in_float32(model)
    pixels = asked_pixels(model, pixels)
    with quiet_tensorflow():
        if to == "tflite":
            options = {"io": io, "method": method, "samples": samples}
            return to_tflite(model, batch=batch, pixels=pixels, **options)
        opset, precision = opset or OPSETS[0], method or "float32"
        return to_onnx(model, batch=batch, pixels=pixels, opset=opset, precision=precision)

"""Keras model -> the bytes of a .tflite file."""

import warnings

from export.compression.compress import is_int8
from export.conversion.freeze import freeze
from kerascnn.console import muted
from kerascnn.errors import UserError, unknown

METHODS = ("dynamic", "float16", "int16x8")


def to_tflite(model, *, batch=1, io="uint8", pixels=True, method=None, images=None):
    """Converts a model.

    Args:
        model: raw pixels -> outputs. One that simulates int8 becomes an int8 file, uint8 at both
            ends (or what `io` says); any other a float32 file with uint8 pixels in and float32 out.
        batch: images at a time; None for any number.
        pixels: False where a float model takes other floats than pixels, and so the file.
        method, images: how the converter quantizes a float model; see `export.convert`.

    Returns:
        The bytes of the file.

    Raises:
        UserError: an operation that TFLite has not, or a method that does not fit the model.
    """
    int8 = is_int8(model)
    if method is not None:
        _refuse(method, model, int8, images)
    frozen = freeze(model, batch=batch, pixels=pixels)
    return write_tflite(frozen, model.name, int8=int8, io=io, method=method, images=images)


def write_tflite(frozen, name, *, int8, io="uint8", method=None, images=None):
    """Converts a frozen graph of a model called `name`; see `to_tflite`."""
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_concrete_functions([frozen])
    if int8 or method:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if int8:
        converter.inference_input_type = tf.as_dtype(io)
        converter.inference_output_type = tf.as_dtype(io)
    elif method == "float16":
        converter.target_spec.supported_types = [tf.float16]
    elif method == "int16x8":
        sets = tf.lite.OpsSet
        converter.target_spec.supported_ops = [
            sets.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8,
            sets.TFLITE_BUILTINS,  # for the one that makes numbers of bytes
        ]
        converter.representative_dataset = lambda: ([image[None]] for image in images)
    try:
        with warnings.catch_warnings(), muted():
            warnings.simplefilter("ignore")  # asks for statistics that the ranges already are
            return converter.convert()
    except Exception as error:  # the converter raises kinds of its own
        reason = next((s for s in str(error).splitlines() if "error" in s.lower()), str(error))
        raise UserError(f"{name}: TFLite cannot express it: {reason[:300]}") from None


def _refuse(method, model, int8, images):
    if method not in METHODS:
        raise unknown("method", method, METHODS)
    if int8:
        raise UserError(f"{model.name}: simulates int8 already; give the float model to {method!r}")
    if method == "int16x8" and (images is None or not len(images)):
        raise UserError(f"{model.name}: method 'int16x8' needs images to take its ranges from")

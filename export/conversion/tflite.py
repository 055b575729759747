"""Keras model -> the bytes of a .tflite file."""

import warnings

from export.compression.compress import is_int8
from export.conversion.freeze import freeze
from export.conversion.integer_kernels import with_integer_kernels
from kerascnn.console import muted
from kerascnn.errors import UserError


def to_tflite(model, *, batch=1, io="uint8"):
    """Converts a model.

    Args:
        model: raw pixels -> outputs. One that simulates int8 becomes an int8 file, uint8 at both
            ends (or what `io` says); any other a float32 file with uint8 pixels in and float32 out.
        batch: images at a time; None for any number.

    Returns:
        The bytes of the file.

    Raises:
        UserError: an operation that TFLite has not.
    """
    return write_tflite(freeze(model, batch=batch), model.name, int8=is_int8(model), io=io)


def write_tflite(frozen, name, *, int8, io="uint8"):
    """Converts a frozen graph of a model called `name`; see `to_tflite`."""
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_concrete_functions([frozen])
    if int8:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.inference_input_type = tf.as_dtype(io)
        converter.inference_output_type = tf.as_dtype(io)
    try:
        with warnings.catch_warnings(), muted():
            warnings.simplefilter("ignore")  # asks for statistics that the ranges already are
            made = converter.convert()
    except Exception as error:  # the converter raises kinds of its own
        reason = next((s for s in str(error).splitlines() if "error" in s.lower()), str(error))
        raise UserError(f"{name}: TFLite cannot express it: {reason[:300]}") from None
    return with_integer_kernels(made) if int8 else made

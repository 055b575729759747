"""Keras model -> the bytes of a .tflite file."""

import warnings
from collections.abc import Sequence

import keras

from kerascnn.console import muted
from kerascnn.errors import UserError, required, unknown
from kerascnn.models.graph import functional, output_names

from ..quantization.quantized_layers import is_int8
from ..subject.samples import Samples
from .folding import fold
from .freeze import Frozen, freeze
from .integer_kernels import with_integer_kernels
from .internals import converter_of
from .tflite_names import with_names

METHODS = ("dynamic", "float16", "int16x8")


def to_tflite(
    model: keras.Model,
    *,
    batch: int | None = 1,
    pixels: Sequence[bool] | None = None,
    io: str | None = None,
    method: str | None = None,
    samples: Samples | None = None,
) -> bytes:
    """Converts a model.

    Args:
        model: one that simulates int8 becomes an int8 file, any other a float file.
        batch: inputs at a time; None for any number.
        pixels: for each input whether it takes raw pixels; all do by default.
        io, method, samples: see `export.convert`.

    Returns:
        The bytes of the file.

    Raises:
        UserError: an operation that TFLite has not, a method or ends that do not fit the model.
    """
    int8 = is_int8(model)
    _refuse(model, int8, io, method, samples)
    io = io or "uint8"
    frozen = freeze(model, batch=batch, pixels=pixels, float_pixels=io == "float32")
    ends = "uint8" if io == "uint8" else "float32"  # int8 is what is left without them
    data = write_tflite(frozen, model.name, int8=int8, io=ends, method=method, samples=samples)
    return with_names(
        data,
        starts=[x.name.split(":")[0] for x in frozen.inputs],
        ends=[x.name.split(":")[0] for x in frozen.outputs],
        inputs=[x.name for x in functional(model).inputs],
        outputs=output_names(model),
        layers=[layer.name for layer in functional(model).layers],
        integer_ends=io == "int8",
    )


def write_tflite(
    frozen: Frozen,
    name: str,
    *,
    int8: bool,
    io: str = "uint8",
    method: str | None = None,
    samples: Samples | None = None,
) -> bytes:
    """Converts a frozen graph of a model called `name`; see `to_tflite`."""
    import tensorflow as tf

    converter = converter_of(frozen, frozen.graph if int8 else fold(frozen))
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
        converter.representative_dataset = lambda: (
            [x[None] for x in row] for row in zip(*required(samples).inputs, strict=True)
        )
    try:
        with warnings.catch_warnings(), muted():
            warnings.simplefilter("ignore")  # asks for statistics that the ranges already are
            content = converter.convert()
    except Exception as error:  # the converter raises kinds of its own
        reason = next((s for s in str(error).splitlines() if "error" in s.lower()), str(error))
        raise UserError(f"{name}: TFLite cannot express it: {reason[:300]}") from None
    return with_integer_kernels(content) if int8 else content


def _refuse(model, int8, io, method, samples):
    if io not in (None, "float32") and not int8:
        raise UserError(f"{model.name}: io={io!r} is a choice of int8 files; this one is float")
    if method is None:
        return
    if method not in METHODS:
        raise unknown("method", method, METHODS)
    if int8:
        raise UserError(f"{model.name}: simulates int8 already; give the float model to {method!r}")
    if method == "int16x8" and (samples is None or not len(samples)):
        raise UserError(f"{model.name}: method 'int16x8' needs images to take its ranges from")

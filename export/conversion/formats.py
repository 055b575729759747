"""Which files there are, and which methods and options each has. It answers without Keras."""

from collections.abc import Sequence

from kerascnn.errors import UserError, unknown
from kerascnn.extras import require

FORMATS = ("tflite", "onnx")
ENDS = ("uint8", "int8", "float32")
OPSETS = range(17, 26)
ONLY_TFLITE = {  # methods, and why no other format has them
    "dynamic": "ONNX Runtime has no convolution of int8 weights and float activations",
    "int16x8": "ONNX Runtime has no kernels for int16 activations",
}


def refuse_formats(
    method: str | None,
    formats: Sequence[str],
    *,
    batch: int | None = 1,
    io: str | None = None,
    opset: int | None = None,
) -> None:
    """UserError where formats are unknown, not installed, or have not a method or an option."""
    if batch is not None and not (isinstance(batch, int) and batch > 0):
        raise UserError(f"batch: expected a number of images, or None for any, got {batch!r}")
    if opset is not None:
        refuse_opset(opset)
        if "onnx" not in formats:
            raise UserError(f"opset {opset} is a choice of .onnx files; write the others without")
    if io is not None and io not in ENDS:
        raise unknown("type of the ends", io, ENDS)
    for kind in formats:
        if kind not in FORMATS:
            raise unknown("format", kind, FORMATS)
        if kind == "onnx" and method in ONLY_TFLITE:
            raise UserError(
                f"method {method!r} makes no .onnx file: {ONLY_TFLITE[method]}; write --to tflite, "
                "or take the recipe static_wi8_ai8"
            )
        if kind == "onnx" and io is not None:
            raise UserError(f"io {io!r} is a choice of .tflite files; write the .onnx file without")
    if "onnx" in formats:
        require("onnx", "an .onnx file")


def refuse_opset(opset: object) -> None:
    """UserError where `opset` is none that .onnx files are written in."""
    if opset not in OPSETS:
        raise UserError(f"opset: expected {OPSETS[0]} to {OPSETS[-1]}, got {opset!r}")

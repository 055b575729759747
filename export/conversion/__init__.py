"""Keras model -> the bytes of a .tflite or an .onnx file."""

from kerascnn.errors import UserError, unknown

FORMATS = ("tflite", "onnx")
ENDS = ("uint8", "int8", "float32")
OPSETS = range(17, 26)
ONLY_TFLITE = {  # methods, and why no other format has them
    "dynamic": "ONNX Runtime has no convolution of int8 weights and float activations",
    "int16x8": "ONNX Runtime has no kernels for int16 activations",
}


def convert(model, to, *, batch=1, pixels=True, io=None, opset=None, method=None, images=None):
    """Converts a Keras model.

    Args:
        model: raw pixels, 0..255 -> logits: what `Run.model` or `compress` gives. One that
            simulates int8 becomes an int8 file, any other a float32 file, or what `method` says.
        to: "tflite" or "onnx".
        batch: images at a time; None for any number.
        pixels: False where a float model takes other floats than pixels: the file takes them too.
        io: what stands at both ends of an int8 .tflite file: "uint8" (the default), "int8" (a
            pixel is its byte less 128) or "float32" (pixels 0..255 as numbers, and logits).
        opset: of an .onnx file, 17 to 25; 17 by default, which most runtimes have.
        method: how the converter quantizes a float model: "dynamic", "float16" or "int16x8", as
            in a recipe; None not at all.
        images: (n, height, width, channels) uint8, which "int16x8" takes its ranges from.

    Returns:
        The bytes of the file: pixels in (or floats), NHWC, uint8 unless `io` says otherwise.
        Nothing has run it yet: `verify` does.

    Raises:
        UserError: unknown format, a method or option that it has not, or an operation.
    """
    refuse_formats(method, [to], batch=batch, io=io, opset=opset)
    if to == "tflite":
        from .tflite import to_tflite

        return to_tflite(model, batch=batch, pixels=pixels, io=io, method=method, images=images)
    from .onnx import to_onnx

    opset, precision = opset or OPSETS[0], method or "float32"
    return to_onnx(model, batch=batch, pixels=pixels, opset=opset, precision=precision)


def refuse_formats(method, formats, *, batch=1, io=None, opset=None):
    """UserError where formats are unknown, or have not the method of a recipe or an option."""
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


def refuse_opset(opset):
    """UserError where `opset` is none that .onnx files are written in."""
    if opset not in OPSETS:
        raise UserError(f"opset: expected {OPSETS[0]} to {OPSETS[-1]}, got {opset!r}")

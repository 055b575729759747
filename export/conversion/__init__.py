"""Keras model -> the bytes of a .tflite or an .onnx file."""

from kerascnn.errors import unknown

FORMATS = ("tflite", "onnx")


def convert(model, to, *, batch=1):
    """Converts a Keras model.

    Args:
        model: raw pixels, 0..255 -> logits: what `Run.model` or `compress` gives. One that
            simulates int8 becomes an int8 file, any other a float32 file.
        to: "tflite" or "onnx".
        batch: images at a time; None for any number.

    Returns:
        The bytes of the file: uint8 pixels in, NHWC. Nothing has run it yet: `verify` does.

    Raises:
        UserError: unknown format, or an operation that the format has not.
    """
    if to == "tflite":
        from export.conversion.tflite import to_tflite

        return to_tflite(model, batch=batch)
    if to == "onnx":
        from export.conversion.onnx import to_onnx

        return to_onnx(model, batch=batch)
    raise unknown("format", to, FORMATS)

"""Keras model -> the bytes of an .onnx file."""

import logging
from collections.abc import Sequence

import keras

from kerascnn.console import muted
from kerascnn.errors import UserError, unknown
from kerascnn.models.graph import functional, output_names

from ..quantization.quantized_layers import is_int8
from .converter import converted
from .formats import OPSETS, refuse_opset
from .freeze import freeze
from .tflite import to_tflite

WRITTEN = 18  # the last opset of tf2onnx; onnx translates on
PRECISIONS = ("float32", "float16")


def to_onnx(
    model: keras.Model,
    *,
    batch: int | None = 1,
    pixels: Sequence[bool] | None = None,
    opset: int = OPSETS[0],
    precision: str = "float32",
) -> bytes:
    """Converts a model.

    Args:
        model: one that simulates int8 becomes a file of QuantizeLinear/DequantizeLinear pairs with
            the very integers of its TFLite file; any other a float file.
        batch: inputs at a time; None for any number.
        pixels: for each input whether it takes raw pixels; all do by default.
        opset: of ONNX, 17 to 25.
        precision: what a float file computes in, "float32" or "float16". Weights are stored so.

    Returns:
        The bytes of the file, checked by onnx and loaded by ONNX Runtime.

    Raises:
        UserError: an operation that ONNX has not, or an option that is none.
    """
    refuse_opset(opset)
    if precision not in PRECISIONS:
        raise unknown("precision", precision, PRECISIONS)
    if is_int8(model) and precision != "float32":
        raise UserError(
            f"{model.name} simulates int8: it has no {precision} file; convert the float model"
        )
    from .onnx_float16 import to_float16
    from .onnx_names import name_by_layers, name_ends
    from .onnx_passes import rewrite

    logging.getLogger("tf2onnx").setLevel(logging.CRITICAL)  # what it logs, `_check` raises
    written = min(opset, WRITTEN)
    if is_int8(model):
        from .onnx_int8 import from_tflite

        proto = from_tflite(to_tflite(model, batch=batch, pixels=pixels, io="int8"), opset=written)
    else:
        proto = _from_graph(model, batch, pixels, written)
    rewrite(proto)
    proto.producer_name = "kerascnn"
    name_ends(proto, [x.name for x in functional(model).inputs], output_names(model))
    name_by_layers(proto, functional(model))
    if precision == "float16":
        to_float16(proto)
    _know_all(proto, model.name)
    return _checked(proto, model.name, opset)


def _from_graph(model, batch, pixels, opset):
    import tf2onnx

    frozen = freeze(model, batch=batch, pixels=pixels)
    return converted(
        tf2onnx.convert.from_graph_def,
        frozen.graph,
        input_names=[x.name for x in frozen.inputs],
        output_names=[x.name for x in frozen.outputs],
        opset=opset,
    )


def _know_all(proto, name):
    """UserError where the converter wrote down an operation that ONNX has not."""
    import onnx

    version = next(o.version for o in proto.opset_import if o.domain == "")
    for node in proto.graph.node:
        if node.domain == "" and not onnx.defs.has(node.op_type, version):
            raise UserError(
                f"{name}: ONNX has no operation for {node.op_type} in {node.name}; "
                "replace that layer, or convert to TFLite"
            )


def _checked(proto, name, opset):
    """The bytes of a graph at the wanted opset, once its checker and a runtime have taken it."""
    import onnx
    import onnxruntime

    try:
        if opset > WRITTEN:
            proto = onnx.version_converter.convert_version(proto, opset)
        onnx.checker.check_model(proto, full_check=True)
        content = proto.SerializeToString()
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        with muted():  # of what it warns, its checker has not
            onnxruntime.InferenceSession(content, options, ["CPUExecutionProvider"])
    except Exception as error:  # each of the three raises kinds of its own
        reason = str(error).strip().splitlines()[0]
        raise UserError(
            f"{name}: what ONNX's converter wrote is not valid: {reason[:300]}"
        ) from None
    return content

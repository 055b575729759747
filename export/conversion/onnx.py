"""Keras model -> the bytes of an .onnx file."""

import logging
import tempfile
import warnings
from pathlib import Path

import numpy as np

from export.compression.compress import is_int8
from export.conversion.freeze import freeze, output_names
from export.conversion.tflite import to_tflite
from kerascnn.console import muted
from kerascnn.errors import UserError
from kerascnn.models.graph import functional

OPSET = 17


def to_onnx(model, *, batch=1, pixels=True):
    """Converts a model.

    Args:
        model: raw pixels -> outputs. One that simulates int8 becomes a file of
            QuantizeLinear/DequantizeLinear pairs with the very integers of its TFLite file; any
            other a float32 file. Both take uint8 pixels, NHWC.
        batch: images at a time; None for any number.
        pixels: False where a float model takes other floats than pixels, and so the file.

    Returns:
        The bytes of the file, checked by onnx.

    Raises:
        UserError: an operation that the converter does not know.
    """
    import onnx

    logging.getLogger("tf2onnx").setLevel(logging.ERROR)
    made = _from_tflite(model, batch) if is_int8(model) else _from_graph(model, batch, pixels)
    made.producer_name = "kerascnn"
    name_ends(made, [x.name for x in functional(model).inputs], output_names(model))
    try:
        onnx.checker.check_model(made, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(
            f"{model.name}: what ONNX's converter wrote is not valid: {reason}"
        ) from None
    return made.SerializeToString()


def _from_graph(model, batch, pixels):
    import tf2onnx

    frozen = freeze(model, batch=batch, pixels=pixels)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TensorFlow deprecates what the converter calls
        made, _ = tf2onnx.convert.from_graph_def(
            frozen.graph.as_graph_def(),
            input_names=[x.name for x in frozen.inputs],
            output_names=[x.name for x in frozen.outputs],
            opset=OPSET,
        )
    return made


def _from_tflite(model, batch):
    """The int8 file, rewritten to the uint8 activations that ONNX Runtime has fast kernels for."""
    import tf2onnx

    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(), muted():
        warnings.simplefilter("ignore")
        path = Path(folder) / "model.tflite"
        path.write_bytes(to_tflite(model, batch=batch, io="int8"))
        made, _ = tf2onnx.convert.from_tflite(str(path), opset=OPSET)
    to_uint8_activations(made)
    return made


def to_uint8_activations(made):
    """Shifts every int8 activation by 128, so that it is uint8; weights stay int8. In place.

    A quantized tensor means scale x (integer - zero point): both move together.
    """
    from onnx import TensorProto, numpy_helper

    graph = made.graph
    constants = {t.name: t for t in graph.initializer}
    shifted = {}
    for node in graph.node:
        linear = node.op_type in ("QuantizeLinear", "DequantizeLinear")
        if not linear or node.input[0] in constants:
            continue
        zero_point = constants[node.input[2]]
        if zero_point.data_type != TensorProto.INT8:
            continue
        if zero_point.name not in shifted:
            value = numpy_helper.to_array(zero_point).astype(np.int16) + 128
            name = f"{zero_point.name}_uint8"
            shifted[zero_point.name] = numpy_helper.from_array(value.astype(np.uint8), name)
        node.input[2] = shifted[zero_point.name].name
    graph.initializer.extend(shifted.values())
    used = {name for node in graph.node for name in node.input}
    for name in set(constants) - used:
        graph.initializer.remove(constants[name])
    del graph.value_info[:]
    for value in (*graph.input, *graph.output):
        if value.type.tensor_type.elem_type == TensorProto.INT8:
            value.type.tensor_type.elem_type = TensorProto.UINT8
    for node in graph.node:  # integers between two pairs, as the border of a padding
        if node.op_type == "Pad" and len(node.input) > 2 and node.input[2] in constants:
            border = constants[node.input[2]]
            if border.data_type == TensorProto.INT8:
                value = numpy_helper.to_array(border).astype(np.int16) + 128
                moved = numpy_helper.from_array(value.astype(np.uint8), f"{border.name}_border")
                graph.initializer.append(moved)
                node.input[2] = moved.name


def name_ends(made, inputs, outputs):
    """Calls the inputs and outputs of a graph by these names. In place."""
    graph = made.graph
    wanted = [*zip(graph.input, inputs, strict=True), *zip(graph.output, outputs, strict=True)]
    names = {value.name: name for value, name in wanted}
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
    for value, name in wanted:
        value.name = name

"""An int8 TFLite file -> an ONNX graph of QuantizeLinear/DequantizeLinear pairs, same integers."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from kerascnn.console import muted

from .converter import converted


def from_tflite(content: bytes, *, opset: int) -> Any:
    """The int8 file, rewritten to the uint8 activations that ONNX Runtime has fast kernels for.

    content: the bytes of a .tflite file whose inputs and outputs are int8.
    """
    import tf2onnx

    _mend_dense_layers()
    _know_gelu()
    with tempfile.TemporaryDirectory() as folder, muted():
        path = Path(folder) / "model.tflite"
        path.write_bytes(content)
        made = converted(tf2onnx.convert.from_tflite, str(path), opset=opset)
    to_uint8_activations(made)
    round_halves_away(made)
    return made


def _mend_dense_layers():
    """Dense layers keep their biases: tf2onnx loses that of one which takes an image.

    TFLite's operator flattens images itself; here a reshape in front does.
    """
    from tf2onnx.handler import tfl_op
    from tf2onnx.tflite_handlers.tfl_math import TflFullyConnectedOp

    @tfl_op(["TFL_FULLY_CONNECTED"])
    class Dense(TflFullyConnectedOp):
        @classmethod
        def to_tf(cls, ctx, node, **kwargs):
            if node.attr["keep_num_dims"].i == 0 and ctx.get_rank(node.input[0]) != 2:
                columns = ctx.get_shape(node.input[1])[1]
                shape = ctx.make_const(f"{node.name}_flat", np.array([-1, columns], np.int64))
                flat = ctx.insert_new_node_on_input(
                    node, "Reshape", [node.input[0], shape.output[0]], input_index=0
                )
                flat.skip_conversion = True
                node.set_attr("keep_num_dims", 1)
            super().to_tf(ctx, node, **kwargs)


def _know_gelu():
    """GELU in operations of every opset: x (1 + erf(x / sqrt(2))) / 2, which tf2onnx has not."""
    from tf2onnx.handler import tfl_op

    @tfl_op(["TFL_GELU"])
    class Gelu:
        @classmethod
        def version_9(cls, ctx, node, **kwargs):
            (x,), (output,), dtype = node.input, node.output, ctx.get_dtype(node.output[0])
            shapes = {"shapes": [ctx.get_shape(output)], "dtypes": [dtype]}

            def constant(name, value):
                return ctx.make_const(f"{node.name}_{name}", np.float32(value)).output[0]

            def made(kind, *inputs, **options):
                return ctx.make_node(kind, list(inputs), **shapes, **options).output[0]

            scaled = made("Mul", x, constant("root", 0.5**0.5))
            area = made("Add", made("Erf", scaled), constant("one", 1.0))
            half = made("Mul", x, constant("half", 0.5))
            ctx.remove_node(node.name)
            ctx.make_node("Mul", [half, area], outputs=[output], name=node.name, **shapes)


def to_uint8_activations(made: Any) -> None:
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


AWAY = 1 + 2**-13  # moves a half, not a ninth, of up to 128 steps to the next integer


def round_halves_away(made: Any) -> None:
    """Averages of integers are often halves: they go away from the int8 0, as in TFLite. In place.

    ONNX rounds halves to the even number. An average commutes with scale and zero point, so these
    are chosen freely: around 128, which is the int8 0, and growing a little on the way.
    """
    from .onnx_graph import Graph

    graph = Graph(made)
    for node in made.graph.node:
        if node.op_type != "AveragePool":
            continue
        before, after = graph.producers.get(node.input[0]), graph.only_consumer(node)
        if before is None or after is None or graph.only_consumer(before) is None:
            continue
        ends = [[graph.constant(x) for x in pair.input[1:]] for pair in (before, after)]
        step = ends[0][0]
        if ends[0] != ends[1] or None in ends[0] or step is None:
            continue
        scale = np.float32(step * AWAY)
        zero = graph.add_constant(f"{node.output[0]}_zero", np.uint8(128))
        before.input[1] = graph.add_constant(f"{node.output[0]}_away", scale)
        before.input[2] = after.input[2] = zero

"""An ONNX graph that computes in float16."""

import numpy as np
from onnx import ModelProto, TensorProto, helper, numpy_helper

from .onnx_graph import attribute, set_attribute

LARGEST = float(np.finfo(np.float16).max)
KEPT = {"Resize": (1, 2)}  # inputs that are float32 by ONNX' definition: region and scales


def to_float16(model: ModelProto) -> None:
    """Weights and computation of a float32 graph become float16; its ends keep their types.

    In place. Weights beyond 65504 become that. Runtimes without float16 kernels for an operation,
    as ONNX Runtime on most CPUs, compute it in float32 and round what comes out.
    """
    graph = model.graph
    kept = {
        node.input[i]
        for node in graph.node
        for i in KEPT.get(node.op_type, ())
        if i < len(node.input)
    }
    for constant in graph.initializer:
        if constant.data_type == TensorProto.FLOAT and constant.name not in kept:
            constant.CopyFrom(_halved(constant))
    for node in graph.node:
        if node.op_type == "Cast" and attribute(node, "to") == TensorProto.FLOAT:
            set_attribute(node, "to", TensorProto.FLOAT16)
        for found in node.attribute:
            if found.t.data_type == TensorProto.FLOAT:
                found.t.CopyFrom(_halved(found.t))
    for value in graph.input:
        if value.type.tensor_type.elem_type == TensorProto.FLOAT:
            _cast_input(graph, value.name)
    for value in graph.output:
        if value.type.tensor_type.elem_type == TensorProto.FLOAT:
            _cast_output(graph, value.name)
    del graph.value_info[:]


def _halved(constant):
    value = numpy_helper.to_array(constant).clip(-LARGEST, LARGEST)
    return numpy_helper.from_array(value.astype(np.float16), constant.name)


def _cast_input(graph, name):
    inner = f"{name}/float16"
    for node in graph.node:
        node.input[:] = [inner if x == name else x for x in node.input]
    cast = helper.make_node("Cast", [name], [inner], name=f"{name}/Cast", to=TensorProto.FLOAT16)
    graph.node.insert(0, cast)


def _cast_output(graph, name):
    inner = f"{name}/float16"
    for node in graph.node:
        node.output[:] = [inner if x == name else x for x in node.output]
        node.input[:] = [inner if x == name else x for x in node.input]
    cast = helper.make_node("Cast", [inner], [name], name=f"{name}/Cast", to=TensorProto.FLOAT)
    graph.node.append(cast)

"""Names in a .tflite file: the converter loses those of the ends and numbers those of layers."""

import re
from collections.abc import Sequence
from typing import Any

from kerascnn.errors import UserError

SIGNATURE = "serving_default"


def with_names(
    data: bytes,
    *,
    starts: Any,
    ends: Sequence[str],
    inputs: Sequence[str],
    outputs: Sequence[str],
    layers: Sequence[str],
    integer_ends: bool = False,
) -> bytes:
    """Gives a file the names of its Keras model, and its outputs their order.

    Args:
        data: the bytes of a .tflite file that was written from a frozen graph.
        starts, ends: what the graph calls its inputs and outputs, in the order of the model's.
        inputs, outputs: names for the inputs and outputs, in the order of the model's. They are
            those of the tensors and those of the signature "serving_default".
        layers: the names of layers. A tensor of layer `conv`, which the converter calls
            conv_1/convolution, is called conv/convolution where no other tensor is.
        integer_ends: leave out the operators that make integers of float inputs, and floats of
            integer outputs. (The converter can do that, but then nothing tells which is which.)

    Returns:
        The bytes of the file.

    Raises:
        UserError: an output that the converter has lost.
    """
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(data, 0)
    graph = model.subgraphs[0]
    found = {graph.tensors[i].name.decode(): i for i in graph.outputs}
    if sorted(found) != sorted(ends):
        raise UserError(f"outputs {', '.join(outputs)}: TFLite keeps only {', '.join(found)}")
    graph.outputs = [found[end] for end in ends]
    order = {graph.tensors[i].name.decode(): i for i in graph.inputs}
    graph.inputs = [order[start] for start in starts]
    if integer_ends:
        _drop_conversions(schema, model, graph)
    names = dict(zip([*graph.inputs, *graph.outputs], [*inputs, *outputs], strict=True))
    _rename_tensors(graph, set(layers), names)
    model.signatureDefs = [_signature(schema, graph, inputs, outputs)]
    builder = _builder(len(data))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _builder(size):
    """A builder that puts weights where the schema asks for: at multiples of 16 bytes.

    Equal scales, and equal zero points, stand once in the file: tensors refer to the same vector.
    """
    import flatbuffers
    import numpy as np

    class Packed(flatbuffers.Builder):
        def __init__(self, size):
            super().__init__(size)
            self.written = {}

        def CreateNumpyVector(self, x):
            if x.dtype == np.uint8:
                self.Prep(16, x.nbytes)
            if x.dtype not in (np.float32, np.int64):  # scales and zero points
                return super().CreateNumpyVector(x)
            key = str(x.dtype), x.tobytes()
            if key not in self.written:
                self.written[key] = super().CreateNumpyVector(x)
            return self.written[key]

    return Packed(size)


def _drop_conversions(schema, model, graph):
    """Takes the first QUANTIZE and the last DEQUANTIZE out of a graph, and what only they used."""
    codes = [code.builtinCode for code in model.operatorCodes]
    kinds = schema.BuiltinOperator
    kept = []
    for operator in graph.operators:
        kind, source, target = codes[operator.opcodeIndex], operator.inputs[0], operator.outputs[0]
        if kind == kinds.QUANTIZE and source in graph.inputs:
            graph.inputs = [target if i == source else i for i in graph.inputs]
        elif kind == kinds.DEQUANTIZE and target in graph.outputs:
            graph.outputs = [source if i == target else i for i in graph.outputs]
        else:
            kept.append(operator)
    graph.operators = kept
    ends = {*graph.inputs, *graph.outputs}
    used = sorted(ends.union(*(set((*op.inputs, *op.outputs)) for op in kept)) - {-1})
    place = {int(index): new for new, index in enumerate(used)} | {-1: -1}  # -1: left out
    graph.tensors = [graph.tensors[index] for index in used]
    for holder in (graph, *kept):
        holder.inputs = [place[int(index)] for index in holder.inputs]
        holder.outputs = [place[int(index)] for index in holder.outputs]
    needed = sorted({operator.opcodeIndex for operator in kept})
    model.operatorCodes = [model.operatorCodes[index] for index in needed]
    for operator in kept:
        operator.opcodeIndex = needed.index(operator.opcodeIndex)


def _rename_tensors(graph, layers, ends):
    taken = {tensor.name.decode() for tensor in graph.tensors} | set(ends.values())
    for index, tensor in enumerate(graph.tensors):
        name = tensor.name.decode()
        if index in ends:
            tensor.name = ends[index].encode()
        elif (plain := _by_layers(name, layers)) not in taken:
            taken.add(plain)
            tensor.name = plain.encode()


def _by_layers(name, layers):
    """conv_1/BiasAdd;relu_1/Relu -> conv/BiasAdd;relu/Relu, where conv and relu are layers."""

    def plain(part):
        scope, slash, rest = part.partition("/")
        stem = re.sub(r"_\d+$", "", scope)
        known = scope not in layers and stem in layers
        return (stem if known else scope) + slash + rest

    return ";".join(map(plain, name.split(";")))


def _signature(schema, graph, inputs, outputs):
    signature = schema.SignatureDefT()
    signature.signatureKey = SIGNATURE.encode()
    signature.subgraphIndex = 0
    signature.inputs = _tensor_maps(schema, inputs, graph.inputs)
    signature.outputs = _tensor_maps(schema, outputs, graph.outputs)
    return signature


def _tensor_maps(schema, names, indices):
    maps = []
    for name, index in zip(names, indices, strict=True):
        entry = schema.TensorMapT()
        entry.name, entry.tensorIndex = name.encode(), int(index)
        maps.append(entry)
    return maps

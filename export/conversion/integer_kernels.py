"""Integer kernels that TFLite has and its converter does not use.

The runtimes compute ELU on int8 through a table of 256 entries; the converter leaves it float
between a DEQUANTIZE and a QUANTIZE. Both of those go.
"""

from copy import deepcopy


def with_integer_kernels(data: bytes) -> bytes:
    """The bytes of an int8 .tflite file in which each ELU computes on integers."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    kinds = schema.BuiltinOperator
    model = schema.ModelT.InitFromPackedBuf(data, 0)
    codes = [max(c.builtinCode, c.deprecatedBuiltinCode) for c in model.operatorCodes]
    if kinds.ELU not in codes:
        return data
    for graph in model.subgraphs:
        gone = []

        def consumers(tensor, graph=graph):
            return [op for op in graph.operators if tensor in op.inputs]

        for op in graph.operators:
            if codes[op.opcodeIndex] != kinds.ELU:
                continue
            before = [x for x in graph.operators if op.inputs[0] in x.outputs]
            after = consumers(op.outputs[0])
            found = [codes[x.opcodeIndex] for x in (*before, *after)]
            if found != [kinds.DEQUANTIZE, kinds.QUANTIZE]:
                continue
            source, target = graph.tensors[before[0].inputs[0]], graph.tensors[after[0].outputs[0]]
            if source.type != schema.TensorType.INT8:
                continue
            if len(consumers(op.inputs[0])) == 1:
                gone += before
            op.inputs = before[0].inputs
            if target.type == source.type:
                gone += after
                op.outputs = after[0].outputs
            else:  # the uint8 end of the network: the QUANTIZE shifts the integers now
                middle = graph.tensors[op.outputs[0]]
                middle.type, middle.quantization = source.type, deepcopy(target.quantization)
                middle.quantization.zeroPoint = [target.quantization.zeroPoint[0] - 128]
        graph.operators = [op for op in graph.operators if not any(op is x for x in gone)]
    builder = flatbuffers.Builder(len(data))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())

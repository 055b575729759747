"""LiteRT on this CPU, with its default kernels (XNNPACK where it has them)."""

from collections import Counter
from importlib.metadata import version
from pathlib import Path

import numpy as np


class Engine:
    """A .tflite file, ready to run."""

    def __init__(self, path, *, threads=1):
        from ai_edge_litert.interpreter import Interpreter

        data = Path(path).read_bytes()
        if data[4:8] != b"TFL3":
            raise ValueError("not a TFLite file (its identifier TFL3 is missing)")
        self.interpreter = Interpreter(model_content=data, num_threads=threads)
        self.interpreter.allocate_tensors()
        self.version = version("ai-edge-litert")
        self.inputs = [_describe(d) for d in self.interpreter.get_input_details()]
        self.outputs = [_describe(d) for d in self.interpreter.get_output_details()]

        self.operators, self.minimum_runtime = requirements(data)
        self.float_operators = float_operators(data)

    def run(self, arrays):
        """Runs one batch: arrays in the order of `inputs` -> arrays in that of `outputs`."""
        resized = False
        for detail, array in zip(self.interpreter.get_input_details(), arrays, strict=True):
            if tuple(detail["shape"]) != array.shape:
                self.interpreter.resize_tensor_input(detail["index"], array.shape, strict=True)
                resized = True
        if resized:
            self.interpreter.allocate_tensors()
        for detail, array in zip(self.interpreter.get_input_details(), arrays, strict=True):
            self.interpreter.set_tensor(detail["index"], array)
        self.interpreter.invoke()
        return [
            self.interpreter.get_tensor(d["index"]) for d in self.interpreter.get_output_details()
        ]


def requirements(data):
    """The operators of a file, with versions and counts, and the first runtime that has them."""
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(data, 0)
    names = {v: k for k, v in vars(schema.BuiltinOperator).items() if isinstance(v, int)}
    counts = Counter(op.opcodeIndex for graph in model.subgraphs for op in graph.operators)
    operators = []
    for index, count in counts.items():
        code = model.operatorCodes[index]
        number = max(code.builtinCode, code.deprecatedBuiltinCode)
        name = code.customCode.decode() if code.customCode else names[number]
        operators.append({"name": name, "version": code.version, "count": count})
    runtime = None
    for entry in model.metadata or []:
        if entry.name == b"min_runtime_version":
            text = bytes(model.buffers[entry.buffer].data)
            runtime = f"TensorFlow Lite {text.rstrip(bytes(1)).decode()}"
    return sorted(operators, key=lambda o: o["name"]), runtime


def float_operators(data):
    """The operators of a file that take or give floats, by name.

    Quantizing does not count, nor the normalization of float pixels in front of it.
    """
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(data, 0)
    kinds = schema.BuiltinOperator
    names = {v: k for k, v in vars(kinds).items() if isinstance(v, int)}
    codes = [max(c.builtinCode, c.deprecatedBuiltinCode) for c in model.operatorCodes]
    found = []
    for graph in model.subgraphs:
        behind = set()  # tensors that integers went into
        for operator in graph.operators:
            kind = codes[operator.opcodeIndex]
            inputs = {i for i in operator.inputs if i >= 0}  # -1: left out
            normalizes = kind in (kinds.ADD, kinds.SUB, kinds.MUL) and not behind & inputs
            if kind == kinds.QUANTIZE or behind & inputs:
                behind |= set(operator.outputs)
            ends = inputs | set(operator.outputs)
            is_float = any(graph.tensors[i].type == schema.TensorType.FLOAT32 for i in ends)
            if is_float and not normalizes and kind not in (kinds.QUANTIZE, kinds.DEQUANTIZE):
                found.append(names[kind])
    return found


def _describe(detail):
    quantization = detail["quantization_parameters"]
    scaled = len(quantization["scales"]) == 1
    return {
        "name": detail["name"],
        "shape": [int(n) for n in detail["shape_signature"]],
        "dtype": np.dtype(detail["dtype"]).name,
        "scale": float(quantization["scales"][0]) if scaled else None,
        "zero_point": int(quantization["zero_points"][0]) if scaled else None,
    }

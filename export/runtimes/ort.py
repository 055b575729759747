"""ONNX Runtime on this CPU."""

from collections import Counter
from importlib.metadata import version
from pathlib import Path

import numpy as np

DTYPES = {"tensor(uint8)": "uint8", "tensor(int8)": "int8", "tensor(float)": "float32"}


class Engine:
    """An .onnx file, ready to run."""

    def __init__(self, path, *, threads=1):
        import onnxruntime

        onnxruntime.set_default_logger_severity(4)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        data = Path(path).read_bytes()
        self.session = onnxruntime.InferenceSession(data, options, ["CPUExecutionProvider"])
        self.version = version("onnxruntime")
        ends = quantized_ends(data)
        self.operators, self.minimum_runtime = requirements(data)
        self.float_operators = None  # a pair of quantizations around floats is how ONNX writes int8
        self.inputs = [_describe(x, ends) for x in self.session.get_inputs()]
        self.outputs = [_describe(x, ends) for x in self.session.get_outputs()]
        self.names = [x["name"] for x in self.inputs]

    def run(self, arrays):
        """Runs one batch: arrays in the order of `inputs` -> arrays in that of `outputs`."""
        return self.session.run(None, dict(zip(self.names, arrays, strict=True)))


def requirements(data):
    """The operators of a file, with versions and counts, and the first runtime that has them."""
    import onnx

    model = onnx.load_model_from_string(data)
    opsets = {o.domain: o.version for o in model.opset_import}
    counts = Counter((node.op_type, node.domain) for node in model.graph.node)
    operators = [
        {"name": name, "version": opsets.get(domain), "count": count}
        for (name, domain), count in sorted(counts.items())
    ]
    return operators, f"ONNX opset {opsets.get('')}, IR version {model.ir_version}"


MOVES = ("Reshape", "Transpose", "Squeeze", "Unsqueeze", "Flatten", "Identity")


def quantized_ends(data):
    """name of a tensor -> (scale, zero point) of what is quantized at the ends of a graph.

    What moves numbers, as a Reshape does, keeps their meaning.
    """
    import onnx

    graph = onnx.load_model_from_string(data).graph
    constants = {t.name: t for t in graph.initializer}
    found, same = {}, []
    for node in graph.node:
        if node.op_type in MOVES:
            same.append((node.input[0], node.output[0]))
        if node.op_type not in ("QuantizeLinear", "DequantizeLinear"):
            continue
        if len(node.input) < 3 or not all(name in constants for name in node.input[1:3]):
            continue
        values = [onnx.numpy_helper.to_array(constants[name]) for name in node.input[1:3]]
        if all(np.size(v) == 1 for v in values):
            tensor = node.input[0] if node.op_type == "DequantizeLinear" else node.output[0]
            found[tensor] = float(values[0].item()), int(values[1].item())
    for before, after in same:  # forward to the outputs, nodes come in their order
        if before in found:
            found.setdefault(after, found[before])
    for before, after in reversed(same):  # and back to the inputs
        if after in found:
            found.setdefault(before, found[after])
    return found


def _describe(value, ends):
    scale, zero_point = ends.get(value.name, (None, None))
    return {
        "name": value.name,
        "shape": [n if isinstance(n, int) else -1 for n in value.shape],
        "dtype": DTYPES.get(value.type, value.type),
        "scale": scale,
        "zero_point": zero_point,
    }

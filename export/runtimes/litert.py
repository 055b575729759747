"""LiteRT on this CPU, with its default kernels (XNNPACK where it has them)."""

from importlib.metadata import version
from pathlib import Path

import numpy as np


class Engine:
    """A .tflite file, ready to run."""

    def __init__(self, path, *, threads=1):
        from ai_edge_litert.interpreter import Interpreter

        self.interpreter = Interpreter(model_content=Path(path).read_bytes(), num_threads=threads)
        self.interpreter.allocate_tensors()
        self.version = version("ai-edge-litert")
        self.inputs = [_describe(d) for d in self.interpreter.get_input_details()]
        self.outputs = [_describe(d) for d in self.interpreter.get_output_details()]

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

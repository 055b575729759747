"""OpenVINO on this CPU, in the precision of the file: its default would be bfloat16."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .engines import read_content


class Engine:
    """A .tflite or .onnx file, ready to run."""

    def __init__(self, path: Path | str, *, threads: int = 1) -> None:
        import openvino

        self.content = read_content(path)
        core = openvino.Core()
        model = core.read_model(Path(path))
        settings = {
            "INFERENCE_PRECISION_HINT": "f32",
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": 1,
        }
        self.compiled = core.compile_model(model, "CPU", settings)
        self.request = self.compiled.create_infer_request()
        self.version = openvino.__version__.split("-")[0]
        ends = {end.name: end for end in (*self.content.inputs, *self.content.outputs)}
        self.inputs = [_describe(x, ends) for x in self.compiled.inputs]
        self.outputs = [_describe(x, ends) for x in self.compiled.outputs]
        self.float_operators = None

    def prepare(self, arrays: Sequence[np.ndarray]) -> None:
        """Puts one batch in, in the order of `inputs`."""
        for place, array in enumerate(arrays):
            shaped = self.compiled.inputs[place].get_partial_shape()
            if shaped.is_dynamic:
                self.request.get_input_tensor(place).shape = array.shape
            self.request.get_input_tensor(place).data[...] = array

    def invoke(self) -> None:
        """Runs what was put in."""
        self.request.infer()

    def results(self) -> list[np.ndarray]:
        """What came of it, in the order of `outputs`."""
        return [
            np.array(self.request.get_output_tensor(place).data)
            for place in range(len(self.outputs))
        ]


def _describe(port, ends):
    name = next((n for n in port.get_names() if n in ends), port.get_any_name())
    end = ends.get(name)
    shape = port.get_partial_shape()
    return {
        "name": name,
        "shape": [int(n.get_length()) if n.is_static else -1 for n in shape],
        "dtype": np.dtype(port.get_element_type().to_dtype()).name,
        "scale": end and end.scale,
        "zero_point": end and end.zero_point,
    }

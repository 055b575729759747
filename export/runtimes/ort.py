"""ONNX Runtime on this CPU."""

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np

from kerascnn.errors import required

from . import onnx_content

DTYPES = {"float": "float32", "double": "float64"}


class Engine:
    """An .onnx file, ready to run."""

    def __init__(self, path: Path | str, *, threads: int = 1) -> None:
        import onnxruntime

        onnxruntime.set_default_logger_severity(4)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        self.content = onnx_content.read(path)
        # Weights beside a file are looked for beside its path: they were found harmless.
        given = str(path) if self.content.external else Path(path).read_bytes()
        self.session = onnxruntime.InferenceSession(given, options, ["CPUExecutionProvider"])
        self.version = version("onnxruntime")
        self.float_operators = None  # a pair of quantizations around floats is how ONNX writes int8
        ends = {end.name: end for end in (*self.content.inputs, *self.content.outputs)}
        self.inputs = [_describe(x, ends) for x in self.session.get_inputs()]
        self.outputs = [_describe(x, ends) for x in self.session.get_outputs()]
        self._binding = None

    def prepare(self, arrays: Sequence[np.ndarray]) -> None:
        """Puts one batch in, in the order of `inputs`."""
        self._binding = self.session.io_binding()
        for end, array in zip(self.inputs, arrays, strict=True):
            self._binding.bind_cpu_input(end["name"], array)
        for end in self.outputs:
            self._binding.bind_output(end["name"])

    def invoke(self) -> None:
        """Runs what was put in: nothing else, so that it can be timed."""
        self.session.run_with_iobinding(self._binding)

    def results(self) -> list[np.ndarray]:
        """What came of it, in the order of `outputs`."""
        return required(self._binding).copy_outputs_to_cpu()


def _describe(value, ends):
    end = ends.get(value.name)
    kind = value.type.removeprefix("tensor(").removesuffix(")")
    return {
        "name": value.name,
        "shape": [n if isinstance(n, int) else -1 for n in value.shape],
        "dtype": DTYPES.get(kind, kind) if value.type.startswith("tensor(") else value.type,
        "scale": end and end.scale,
        "zero_point": end and end.zero_point,
    }

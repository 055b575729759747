"""ONNX Runtime on this CPU."""

import json
import tempfile
from collections import Counter
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np

from kerascnn.errors import required

from . import onnx_content
from .operator_times import OperatorTime, of_onnx_runtime

PROVIDERS = ["CPUExecutionProvider"]
WARMUP = 3  # runs that are not profiled
DTYPES = {"float": "float32", "double": "float64"}


class Engine:
    """An .onnx file, ready to run."""

    def __init__(self, path: Path | str, *, threads: int = 1) -> None:
        import onnxruntime

        onnxruntime.set_default_logger_severity(4)
        options = _options(threads)
        self.content = onnx_content.read(path)
        # Weights beside a file are looked for beside its path: they were found harmless.
        self._given = str(path) if self.content.external else Path(path).read_bytes()
        self.session = onnxruntime.InferenceSession(self._given, options, PROVIDERS)
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

    def profile(self, arrays: Sequence[np.ndarray], runs: int) -> list[OperatorTime]:
        """What each operator takes: the mean of some runs on one batch, of a new session."""
        import onnxruntime

        options = _options(1)
        options.enable_profiling = True
        feeds = {end["name"]: array for end, array in zip(self.inputs, arrays, strict=True)}
        with tempfile.TemporaryDirectory() as folder:
            options.profile_file_prefix = str(Path(folder) / "profile")
            session = onnxruntime.InferenceSession(self._given, options, PROVIDERS)
            for _ in range(runs + WARMUP):
                session.run(None, feeds)
            told = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
        return of_onnx_runtime(told, runs)

    def fused(self) -> tuple[dict[str, int], dict[str, int]]:
        """How many operators of each kind the file has, and what ONNX Runtime made of them."""
        import onnx
        import onnxruntime

        options = _options(1)
        with tempfile.TemporaryDirectory() as folder:
            options.optimized_model_filepath = str(Path(folder) / "optimized.onnx")
            onnxruntime.InferenceSession(self._given, options, PROVIDERS)
            made = onnx.load(options.optimized_model_filepath, load_external_data=False)
        before = {row["name"]: row["count"] for row in self.content.operators}
        return before, dict(Counter(node.op_type for node in made.graph.node).most_common())


def _options(threads):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    return options


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

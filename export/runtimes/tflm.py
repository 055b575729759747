"""TensorFlow Lite Micro: the kernels of microcontrollers, run on this machine."""

import contextlib
import os
import re
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np

from . import tflite_content

ARENA = 64 << 20  # bytes; what microcontrollers have is thousandths of it


class Engine:
    """A .tflite file, ready to run: one input size, one thread.

    arena: the bytes of working memory that its tensors and operators take.
    """

    def __init__(self, path: Path | str, *, threads: int = 1) -> None:
        data = Path(path).read_bytes()
        tflite_content.refuse_others(data)
        self.content = tflite_content.read(path)
        self.interpreter = _loaded(data)
        self.arena = _arena(self.interpreter)
        self.version = version("tflite-micro")
        self.inputs = [
            _describe(end, self.interpreter.get_input_details(place))
            for place, end in enumerate(self.content.inputs)
        ]
        self.outputs = [
            _describe(end, self.interpreter.get_output_details(place))
            for place, end in enumerate(self.content.outputs)
        ]
        self.float_operators = tflite_content.float_operators(data)

    def prepare(self, arrays: Sequence[np.ndarray]) -> None:
        """Puts one sample in, in the order of `inputs`."""
        for place, array in enumerate(arrays):
            self.interpreter.set_input(np.ascontiguousarray(array), place)

    def invoke(self) -> None:
        """Runs what was put in."""
        self.interpreter.invoke()

    def results(self) -> list[np.ndarray]:
        """What came of it, in the order of `outputs`."""
        return [self.interpreter.get_output(place) for place in range(len(self.outputs))]


@contextlib.contextmanager
def _standard_error():
    """What is printed to standard error meanwhile, by C++ too: a file, to be read afterwards."""
    with tempfile.TemporaryFile() as caught:
        kept = os.dup(2)
        os.dup2(caught.fileno(), 2)
        try:
            yield caught
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def _loaded(data):
    """An interpreter that has run once; ValueError in TFLite Micro's words where it does not."""
    from tflite_micro import runtime

    with _standard_error() as caught:
        try:
            interpreter = runtime.Interpreter.from_bytes(data, arena_size=ARENA)
            interpreter.invoke()
            return interpreter
        except (RuntimeError, ValueError) as error:
            caught.seek(0)
            lines = caught.read().decode(errors="replace").strip().splitlines()
            raise ValueError(lines[0] if lines else str(error)) from None


def _arena(interpreter):
    """The bytes of the arena that are used, as the interpreter prints them."""
    with _standard_error() as caught:
        interpreter.print_allocations()
        caught.seek(0)
        found = re.search(rb"Arena allocation total (\d+) bytes", caught.read())
    return int(found.group(1)) if found else None


def _describe(end, detail):
    quantization = detail["quantization_parameters"]
    scaled = len(quantization["scales"]) == 1
    return {
        "name": end.name,
        "shape": [int(n) for n in detail["shape"]],
        "dtype": np.dtype(detail["dtype"]).name,
        "scale": float(quantization["scales"][0]) if scaled else None,
        "zero_point": int(quantization["zero_points"][0]) if scaled else None,
    }

"""LiteRT on this CPU: XNNPACK where that has kernels, or its own ones alone."""

import contextlib
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np

from . import tflite_content
from .litert_internals import operations


class Engine:
    """A .tflite file, ready to run: its first graph.

    kernels: which, by LiteRT's name for them: "AUTO", XNNPACK's where it has them;
    "BUILTIN_WITHOUT_DEFAULT_DELEGATES", LiteRT's own; "BUILTIN_REF", its reference ones.
    delegated: (nodes that a delegate took, of all nodes).
    """

    def __init__(self, path: Path | str, *, threads: int = 1, kernels: str = "AUTO") -> None:
        from ai_edge_litert.interpreter import Interpreter, OpResolverType

        data = Path(path).read_bytes()
        tflite_content.refuse_others(data)
        try:
            self.interpreter = Interpreter(
                model_content=data,
                num_threads=threads,
                experimental_op_resolver_type=OpResolverType[kernels],
            )
            self.interpreter.allocate_tensors()
        except (ValueError, RuntimeError):
            _refuse_foreign(path)
            raise
        self.version = version("ai-edge-litert")
        inputs, outputs = (
            self.interpreter.get_input_details(),
            self.interpreter.get_output_details(),
        )
        self.inputs = [_describe(d) for d in inputs]
        self.outputs = [_describe(d) for d in outputs]
        # What an interpreter says of its ends takes as long as a small network: asked once.
        self._places = [d["index"] for d in inputs]
        self._results = [d["index"] for d in outputs]
        self._shapes = [tuple(d["shape"]) for d in inputs]
        self.delegated = _delegated(self.interpreter)
        self.content = tflite_content.read(path)
        self.float_operators = tflite_content.float_operators(data)

    def prepare(self, arrays: Sequence[np.ndarray]) -> None:
        """Puts one batch in, in the order of `inputs`."""
        shapes = [array.shape for array in arrays]
        if shapes != self._shapes:
            for index, shape in zip(self._places, shapes, strict=True):
                self.interpreter.resize_tensor_input(index, shape, strict=True)
            self.interpreter.allocate_tensors()
            self._shapes = shapes
        for index, array in zip(self._places, arrays, strict=True):
            self.interpreter.set_tensor(index, array)

    def invoke(self) -> None:
        """Runs what was put in: nothing else, so that it can be timed."""
        self.interpreter.invoke()

    def results(self) -> list[np.ndarray]:
        """What came of it, in the order of `outputs`."""
        return [self.interpreter.get_tensor(index) for index in self._results]


def _delegated(interpreter):
    """(nodes between the inputs and the outputs of some delegate, all nodes of the file)."""
    nodes = operations(interpreter)
    own = [node for node in nodes if node["op_name"] != "DELEGATE"]
    producers = {int(tensor): place for place, node in enumerate(own) for tensor in node["outputs"]}
    taken = set()
    for node in nodes:
        if node["op_name"] != "DELEGATE":
            continue
        ends, waiting = set(map(int, node["inputs"])), [int(n) for n in node["outputs"]]
        while waiting:
            place = producers.get(waiting.pop())
            if place is None or place in taken:
                continue
            taken.add(place)
            waiting += [int(n) for n in own[place]["inputs"] if int(n) not in ends]
    return len(taken), len(own)


def _refuse_foreign(path):
    """ValueError that names the operators of a file which are none of LiteRT's own, if any."""
    foreign = ()
    with contextlib.suppress(Exception):  # damaged: the engine has said what it makes of it
        foreign = tflite_content.read(path).foreign
    if foreign:
        names = ", ".join(foreign)
        raise ValueError(f"has operators that LiteRT by itself does not compute: {names}") from None


def _describe(detail):
    quantization = detail["quantization_parameters"]
    scaled = len(quantization["scales"]) == 1
    dtype = np.dtype(detail["dtype"])
    return {
        "name": detail["name"],
        "shape": [int(n) for n in detail["shape_signature"]],
        "dtype": "string" if dtype.kind in "SUO" else dtype.name,
        "scale": float(quantization["scales"][0]) if scaled else None,
        "zero_point": int(quantization["zero_points"][0]) if scaled else None,
    }

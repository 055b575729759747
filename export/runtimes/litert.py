"""LiteRT on this CPU: XNNPACK where that has kernels, or its own ones alone."""

import contextlib
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np

from . import tflite_content
from .litert_internals import operations
from .litert_profiler import events
from .operator_times import OperatorTime, layer_in, of_litert


class Engine:
    """A .tflite file, ready to run: its first graph.

    kernels: which, by LiteRT's name for them: "AUTO", XNNPACK's where it has them;
    "BUILTIN_WITHOUT_DEFAULT_DELEGATES", LiteRT's own; "BUILTIN_REF", its reference ones.
    delegated: (nodes that a delegate took, of all nodes). delegate: its name and version.
    fallbacks: (operator, layer) of the nodes that it did not take.
    """

    def __init__(self, path: Path | str, *, threads: int = 1, kernels: str = "AUTO") -> None:
        from ai_edge_litert.interpreter import Interpreter, OpResolverType

        data = Path(path).read_bytes()
        self._path, self._data = path, data
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
        nodes, taken = _delegated(self.interpreter)
        self.delegated = len(taken), len(nodes)
        # The one delegate that this runtime applies by itself, built into the same library.
        self.delegate = f"XNNPACK of ai-edge-litert {self.version}" if self.delegated[0] else None
        makes = [ends for _, ends in tflite_content.made_by_operators(data)]
        self.fallbacks = [
            (node["op_name"], layer_in(makes[place][0]) if makes[place] else "")
            for place, node in enumerate(nodes)
            if taken and place not in taken
        ]
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

    def profile(self, arrays: Sequence[np.ndarray], runs: int) -> list[OperatorTime]:
        """What each operator takes: the mean of some runs on one batch, of a new interpreter."""
        if any(n < 1 for end in (*self.inputs, *self.outputs) for n in end["shape"]):
            raise ValueError("LiteRT's profiler takes files of one size; write it with --batch 1")
        made = tflite_content.made_by_operators(self._data)
        nodes = {place: (kind, ends[0] if ends else "") for place, (kind, ends) in enumerate(made)}
        return of_litert(events(self._path, arrays, runs), nodes)

    def results(self) -> list[np.ndarray]:
        """What came of it, in the order of `outputs`."""
        return [self.interpreter.get_tensor(index) for index in self._results]


def _delegated(interpreter):
    """(all nodes of the file, the places of those that a delegate took: what is between the inputs
    and the outputs of one)."""
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
    return own, taken


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

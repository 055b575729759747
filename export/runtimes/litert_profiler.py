"""The native profiler of LiteRT's library, which its Python does not offer: called through ctypes.

It is known of one version: the C structure of an event is nobody's promise. Its clock tells whole
microseconds and cuts off the rest, so an operator of less than one reads 0.
"""

import ctypes
import importlib.util
import os
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np

KNOWN = ("2.3.",)
CPU = 1
WRITE = 1
OPTIONS = b"enable_profiling = true\n"
IDENTIFIER = b"runtime_options_string"
NODE, DELEGATED = 2, 8  # event types: a node of the file, an operator inside a delegate
Handle = ctypes.c_void_p


@dataclass(frozen=True)
class Event:
    """One operator of one run. node: its place in the file; None inside a delegate, where `place`
    counts the operators of a partition from 0."""

    operator: str
    node: int | None
    place: int
    microseconds: int


class _Event(ctypes.Structure):
    _fields_ = [
        ("tag", ctypes.c_char_p),
        ("kind", ctypes.c_int),
        ("start", ctypes.c_uint64),
        ("elapsed", ctypes.c_uint64),
        ("memory", ctypes.c_int64 * 6),
        ("index", ctypes.c_uint64),
        ("graph", ctypes.c_uint64),
        ("source", ctypes.c_int),
    ]


class _Library:
    """LiteRT's C functions: `call` for a status, `made` for a new object."""

    def __init__(self):
        found = importlib.util.find_spec("ai_edge_litert")
        if found is None or not version("ai-edge-litert").startswith(KNOWN):
            raise ValueError(f"the profiler is known of LiteRT {KNOWN[0]}x alone")
        self.functions = ctypes.CDLL(str(Path(found.origin).parent / "libLiteRt.so"))

    def call(self, name, *arguments):
        if status := getattr(self.functions, f"LiteRt{name}")(*arguments):
            raise ValueError(f"LiteRt{name} gives status {status}")

    def made(self, name, *arguments):
        handle = Handle()
        self.call(name, *arguments, ctypes.byref(handle))
        return handle


def events(path: Path | str, inputs: Sequence[np.ndarray], runs: int) -> list[list[Event]]:
    """Runs a .tflite file with LiteRT's default kernels, on one thread, and profiles it.

    Args:
        inputs: an array for each input, of the size in the file. runs: how many are profiled,
            after three that are not.

    Returns:
        The events of each run, in the order of their execution.

    Raises:
        ValueError: another version of LiteRT, or a file of open sizes.
    """
    library = _Library()
    environment = library.made("CreateEnvironment", 0, None)
    model = library.made("CreateModelFromFile", environment, os.fsencode(path))
    options, text, kept = _options(library)
    compiled = library.made("CreateCompiledModel", environment, model, options)
    profiler = library.made("CompiledModelGetProfiler", compiled)
    taken = _buffers(library, environment, model, compiled, "Input")
    given = _buffers(library, environment, model, compiled, "Output")
    for buffer, array in zip(taken, inputs, strict=True):
        memory = Handle()
        library.call("LockTensorBuffer", buffer, ctypes.byref(memory), WRITE)
        ctypes.memmove(memory, np.ascontiguousarray(array).tobytes(), array.nbytes)
        library.call("UnlockTensorBuffer", buffer)
    ends = [
        part
        for buffers in (taken, given)
        for part in (ctypes.c_size_t(len(buffers)), (Handle * len(buffers))(*buffers))
    ]
    found = []
    for run in range(-3, runs):
        library.call("ResetProfiler", profiler)
        library.call("StartProfiler", profiler)
        library.call("RunCompiledModel", compiled, ctypes.c_size_t(0), *ends)
        library.call("StopProfiler", profiler)
        if run >= 0:
            found.append(_read(library, profiler))
    del text, kept  # LiteRT had pointers to them
    return found


def _options(library):
    """(the options of a model, and what must live as long: their text, what frees it: nothing)."""
    options = library.made("CreateOptions")
    library.call("SetOptionsHardwareAccelerators", options, CPU)
    text = ctypes.create_string_buffer(OPTIONS)
    nothing = ctypes.CFUNCTYPE(None, Handle)(lambda _: None)
    opaque = library.made("CreateOpaqueOptions", IDENTIFIER, ctypes.cast(text, Handle), nothing)
    library.call("AddOpaqueOptions", options, opaque)
    return options, text, nothing


def _buffers(library, environment, model, compiled, side):
    graph = library.made("GetModelSubgraph", model, ctypes.c_size_t(0))
    count = ctypes.c_size_t()
    library.call(f"GetNumSubgraph{side}s", graph, ctypes.byref(count))
    buffers = []
    for place in map(ctypes.c_size_t, range(count.value)):
        kind = (ctypes.c_int32 * 64)()  # a tensor type, which takes less
        tensor = library.made(f"GetSubgraph{side}", graph, place)
        library.call("GetRankedTensorType", tensor, kind)
        wanted = library.made(
            f"GetCompiledModel{side}BufferRequirements", compiled, ctypes.c_size_t(0), place
        )
        buffers.append(
            library.made("CreateManagedTensorBufferFromRequirements", environment, kind, wanted)
        )
    return buffers


def _read(library, profiler):
    count = ctypes.c_int()
    library.call("GetNumProfilerEvents", profiler, ctypes.byref(count))
    told = (_Event * count.value)()
    library.call("GetProfilerEvents", profiler, count, told)
    return [
        Event(
            event.tag.decode(errors="replace"),
            event.index if event.kind == NODE else None,
            event.index,
            event.elapsed,
        )
        for event in told
        if event.kind in (NODE, DELEGATED)
    ]

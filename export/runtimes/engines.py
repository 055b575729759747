"""The inference engines: a file each, and a process each when they run.

This module is imported by the worker process: it must stay free of TensorFlow and Keras.
"""

import importlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from kerascnn.errors import UserError
from kerascnn.files import readable_file

from .content import Content
from .operator_times import OperatorTime

BY_SUFFIX = {".tflite": "litert", ".onnx": "onnxruntime"}
READERS = {"litert": ".tflite_content", "onnxruntime": ".onnx_content"}
MOST_BYTES = 2**31  # where the offsets of a flatbuffer and the lengths of protobuf end


@dataclass(frozen=True)
class Engine:
    """title: as tables show it. module: where its class `Engine` stands. formats: suffixes of the
    files it takes. arguments: what that class is given beside the file."""

    title: str
    module: str
    formats: tuple[str, ...]
    arguments: dict[str, str] = field(default_factory=dict)


ENGINES = {
    "litert": Engine("LiteRT", ".litert", (".tflite",)),
    "litert-builtin": Engine(
        "LiteRT builtin", ".litert", (".tflite",), {"kernels": "BUILTIN_WITHOUT_DEFAULT_DELEGATES"}
    ),
    "litert-reference": Engine(
        "LiteRT reference", ".litert", (".tflite",), {"kernels": "BUILTIN_REF"}
    ),
    "onnxruntime": Engine("ONNX Runtime", ".ort", (".onnx",)),
    "openvino": Engine("OpenVINO", ".vino", (".tflite", ".onnx")),
    "tflm": Engine("TFLite Micro", ".tflm", (".tflite",)),
}


class LoadedEngine(Protocol):
    """A file in its engine: `prepare`, `invoke` and `results` are called in this order."""

    inputs: list[dict[str, Any]]
    outputs: list[dict[str, Any]]
    content: Content
    version: str
    float_operators: Sequence[str] | None

    def prepare(self, arrays: Sequence[np.ndarray]) -> None:
        """Puts one batch in, in the order of `inputs`."""
        ...

    def invoke(self) -> None:
        """Runs what was put in."""
        ...

    def profile(self, arrays: Sequence[np.ndarray], runs: int) -> list[OperatorTime]:
        """What each operator takes, for engines that tell; `fused` may stand beside it."""
        ...

    def results(self) -> list[np.ndarray]:
        """What came of it, in the order of `outputs`."""
        ...


def engine_of_format(kind: str) -> str:
    """The engine that runs files of a format, "tflite" or "onnx"."""
    return BY_SUFFIX[f".{kind}"]


def engine_name(path: Path | str) -> str:
    """The engine that runs a file, by its suffix; UserError where none does."""
    path = readable_file(path, most=MOST_BYTES)
    if path.suffix not in BY_SUFFIX:
        raise UserError(f"{path}: expected a .tflite or an .onnx file")
    return BY_SUFFIX[path.suffix]


def load_engine(path: Path | str, *, threads: int = 1, engine: str | None = None) -> LoadedEngine:
    """Loads a file into an engine: that of its suffix, or the one named.

    Returns:
        The engine with the file in it; `inputs` and `outputs` are dicts of name, shape, dtype,
        scale and zero_point.
    """
    chosen = ENGINES[engine or engine_name(path)]
    module = importlib.import_module(chosen.module, __package__)
    return module.Engine(path, threads=threads, **chosen.arguments)


def read_content(path: Path | str) -> Content:
    """Reads the `Content` of a file, which its engine need not be able to run.

    Raises:
        ValueError, or whatever a damaged file leads to.
    """
    reader = importlib.import_module(READERS[engine_name(path)], __package__)
    return reader.read(path)

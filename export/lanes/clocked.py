"""The lanes that a clock measures on this machine: LiteRT with each of its kernels, ONNX Runtime,
OpenVINO. And TensorFlow Lite Micro, which says how much memory a microcontroller needs."""

import importlib.util
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from kerascnn.errors import UserError

from ..runtimes import Artifact
from ..runtimes.benchmarking import benchmark
from ..runtimes.engines import ENGINES
from .lane import Evidence, Figure, Golden, Lane, Options, Probe, disagreement, golden

PACKAGES = {  # module -> (distribution, what installs it)
    "ai_edge_litert": ("ai-edge-litert", "pip install ai-edge-litert"),
    "onnxruntime": ("onnxruntime", "pip install 'kerascnn[onnx]'"),
    "openvino": ("openvino", "pip install 'kerascnn[openvino]'"),
    "tflite_micro": ("tflite-micro", "pip install --pre tflite-micro"),
}
PROFILED = ("litert", "onnxruntime")  # the engines that say what each operator takes
PROFILED_RUNS = 50


class EngineLane(Lane):
    """An engine of `runtimes`, run in a process of its own."""

    def __init__(
        self,
        engine: str,
        module: str,
        licence: str,
        evidence: Evidence = "measured",
        unit: str = "ms",
    ) -> None:
        self.name = engine
        self.title = ENGINES[engine].title
        self.formats = ENGINES[engine].formats
        self.evidence, self.unit = evidence, unit
        self.licence = licence
        self.module = module
        self.distribution, self.install = PACKAGES[module]

    def probe(self) -> Probe:
        if importlib.util.find_spec(self.module) is None:
            return Probe(False, missing=self.install)
        return Probe(True, {self.distribution: version(self.distribution)})

    def bench(self, paths: Sequence[Path], options: Options) -> list[Figure]:
        figures, sound = [], []
        for path in paths:
            if reason := self.refusal(path):
                figures.append(self.figure(path, "", None, refused=reason))
            else:
                sound.append(path)
        for threads in options.threads:
            figures += self.times(sound, threads, options)
        return figures

    def refusal(self, path: Path, expected: Golden | None = None) -> str:
        """Why the lane gives no figure of a file: it does not run, or its outputs are wrong."""
        try:
            expected = expected or golden(path)
            with Artifact(path, engine=self.name) as artifact:
                found = artifact.run(expected.inputs)
            return disagreement(path, expected, found)
        except UserError as error:
            return str(error).removeprefix(f"{path}: ").rstrip(".")

    def times(self, paths: Sequence[Path], threads: int, options: Options) -> list[Figure]:
        """The latencies of files that run, measured in turns."""
        if not paths:
            return []
        timings = benchmark(
            paths,
            runs=options.runs,
            threads=threads,
            engines=[self.name] * len(paths),
            minutes=options.sustained,
        )
        setting = f"{threads} thread{'s' * (threads != 1)}"
        profiled = options.operators and self.name in PROFILED and threads == options.threads[0]
        return [
            self.figure(
                path,
                setting,
                timing.median,
                details=asdict(timing) | (self.profile(path) if profiled else {}),
            )
            for path, timing in zip(paths, timings, strict=True)
        ]

    def profile(self, path: Path) -> dict[str, Any]:
        """What each operator takes, in the order of execution, and what was fused; or why nobody
        can say."""
        try:
            with Artifact(path, engine=self.name) as artifact:
                times, fused = artifact.profile(PROFILED_RUNS)
        except UserError as error:
            return {"unprofiled": str(error).rsplit(": ", 1)[-1]}
        return {"operators": [asdict(time) for time in times], "fused": fused}


class MicroLane(EngineLane):
    """TensorFlow Lite Micro on this machine: whether its kernels take the file, and the arena."""

    def bench(self, paths: Sequence[Path], options: Options) -> list[Figure]:
        figures = []
        for path in paths:
            reason = self.refusal(path)
            arena = None
            if not reason:
                with Artifact(path, engine=self.name) as artifact:
                    arena = artifact.arena
            elif "UINT8" in reason:
                reason += "; its CAST reads no uint8: write a float file with --io float32"
            figures.append(self.figure(path, "", arena, refused=reason))
        return figures


LITERT = EngineLane("litert", "ai_edge_litert", "Apache-2.0")
BUILTIN = EngineLane("litert-builtin", "ai_edge_litert", "Apache-2.0")
REFERENCE = EngineLane("litert-reference", "ai_edge_litert", "Apache-2.0")
ONNX_RUNTIME = EngineLane("onnxruntime", "onnxruntime", "MIT")
OPENVINO = EngineLane("openvino", "openvino", "Apache-2.0")
TFLM = MicroLane("tflm", "tflite_micro", "Apache-2.0", "compat", "arena bytes")

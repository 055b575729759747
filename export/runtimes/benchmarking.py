"""Latencies on this machine, several files in turn, so that their ratios hold where it is noisy."""

import contextlib
import os
import platform
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from kerascnn.errors import UserError

from . import Artifact

MINIMUM_RUNS = 50
ROUNDS = 5


@dataclass(frozen=True)
class Timing:
    """Milliseconds a run of one file took: measured by a clock, one sample at a time.

    The inference alone: inputs are in before, outputs stay where they are. inputs: what it was
    measured on, "1x32x32x1 uint8".
    """

    file: str
    engine: str
    version: str
    threads: int
    cores: list[int] | None
    runs: int
    median: float
    p90: float
    minimum: float
    inputs: str


def benchmark(paths, *, runs=100, warmup=10, threads=1):
    """Times files against each other.

    Each runs in a process of its own, on pinned cores where the system allows that. The files
    take turns, A B A B, so that a slow minute of the machine slows all of them.

    Args:
        paths: .tflite and .onnx files, whoever wrote them. Open sizes are chosen: one sample,
            and the first of 224, 64, 32 and so on that runs.
        runs: of each file, at least 50. warmup: runs before each turn that are not counted.
        threads: of each engine.

    Returns:
        A `Timing` a file, in the order given.

    Raises:
        UserError: too few runs, or a file that no engine loads.
    """
    if runs < MINIMUM_RUNS:
        raise UserError(f"expected at least {MINIMUM_RUNS} runs, got {runs}")
    cores = free_cores(threads)
    with ExitStack() as stack:
        loaded = [
            stack.enter_context(Artifact(path, threads=threads, cores=cores)) for path in paths
        ]
        times, shapes = [[] for _ in loaded], {}
        share = -(-runs // ROUNDS)
        for _ in range(ROUNDS):
            for artifact, measured in zip(loaded, times, strict=True):
                milliseconds, shapes[artifact] = artifact.time(warmup=warmup, runs=share)
                measured.extend(milliseconds)
        return [
            Timing(
                file=str(artifact.path),
                engine=artifact.title,
                version=artifact.version,
                threads=threads,
                cores=cores,
                runs=len(measured),
                median=float(np.median(measured)),
                p90=float(np.percentile(measured, 90)),
                minimum=float(np.min(measured)),
                inputs=_inputs(artifact, shapes[artifact]),
            )
            for artifact, measured in zip(loaded, times, strict=True)
        ]


def free_cores(threads):
    """The last cores this process may use, one a thread; None where a system has no pinning."""
    if not hasattr(os, "sched_getaffinity"):
        return None
    return sorted(os.sched_getaffinity(0))[-threads:]


def _inputs(artifact, shapes):
    return ", ".join(
        f"{'x'.join(map(str, shape)) or 'scalar'} {end['dtype']}"
        for end, shape in zip(artifact.inputs, shapes, strict=True)
    )


def machine():
    """What the figures were measured on."""
    name = platform.processor() or platform.machine()
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                name = line.split(":", 1)[1].strip()
                break
    return {"cpu": name, "cores": os.cpu_count(), "system": platform.platform()}


def record(timings):
    """The timings with machine and date, ready to be written."""
    return {
        "evidence": "measured",
        "machine": machine(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "timings": [asdict(t) for t in timings],
    }

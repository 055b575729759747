"""Latencies on this machine, several files in turn, so that their ratios hold where it is noisy."""

import hashlib
import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from kerascnn.errors import UserError

from . import Artifact
from .drift import TURN, Drift, sustained
from .machine import load_average, machine

MINIMUM_RUNS = 50
TURNS = 5
RESAMPLES = 2000
MOST_RUNS = 10_000  # of one turn of sustained measuring


@dataclass(frozen=True)
class Timing:
    """Milliseconds a run of one file took: measured by a clock, one sample at a time.

    The inference alone: inputs are in before, outputs stay where they are.

    turns: the median of each turn. loading: from the file to an engine that can run; first: the
    first run after that, the cold one. memory: the most bytes that the engine has
    taken, where the system tells. delegated:
    (nodes that a delegate took, all nodes), where the engine tells; delegate: its name and version;
    fallbacks: (operator, layer) of the nodes that it left.
    inputs: what it was measured
    on, "1x32x32x1 uint8". ratio: its median over that of the first file; interval: where 95 % of
    the ratios of resampled turns lie. load: processes that waited for a core, the mean of the
    minute before the end. samples: every run, in the order of the clock. drift: where it was
    measured for minutes more.
    """

    file: str
    sha256: str
    engine: str
    version: str
    threads: int
    cores: list[int] | None
    runs: int
    median: float
    p90: float
    p99: float
    minimum: float
    turns: list[float]
    loading: float
    first: float
    memory: int | None
    delegated: tuple[int, int] | None
    delegate: str | None
    fallbacks: list[tuple[str, str]]
    inputs: str
    ratio: float
    interval: tuple[float, float]
    load: float | None
    samples: list[float] = field(repr=False)
    drift: Drift | None = None


def benchmark(
    paths: Sequence[str | Path],
    *,
    runs: int = 100,
    warmup: int = 10,
    threads: int = 1,
    engines: Sequence[str | None] | None = None,
    minutes: float = 0.0,
) -> list[Timing]:
    """Times files against each other.

    Each runs in a process of its own, on pinned cores where the system allows that. The files
    take turns, A B A B, so that a slow minute of the machine slows all of them.

    Args:
        paths: .tflite and .onnx files, whoever wrote them. Open sizes are chosen: one sample,
            and the first of 224, 64, 32 and so on that runs.
        runs: of each file, at least 50. warmup: runs before each turn that are not counted.
        threads: of each engine. engines: one a file, keys of `engines.ENGINES`; by default that
            of its suffix.
        minutes: go on for so long, all files together, and say how the latencies drift.

    Returns:
        A `Timing` a file, in the order given.

    Raises:
        UserError: too few runs, or a file that no engine loads.
    """
    if runs < MINIMUM_RUNS:
        raise UserError(f"expected at least {MINIMUM_RUNS} runs, got {runs}")
    cores = free_cores(threads)
    engines = engines or [None] * len(paths)
    with ExitStack() as stack:
        loaded = [
            stack.enter_context(Artifact(path, threads=threads, cores=cores, engine=engine))
            for path, engine in zip(paths, engines, strict=True)
        ]
        turns: list[list[np.ndarray]] = [[] for _ in loaded]
        facts: list[list[dict[str, Any]]] = [[] for _ in loaded]
        share = -(-runs // TURNS)
        for _ in range(TURNS):
            for place, artifact in enumerate(loaded):
                milliseconds, seen = artifact.time(warmup=warmup, runs=share)
                turns[place].append(milliseconds)
                facts[place].append(seen)
        drifts = _drifts(loaded, turns, minutes) if minutes else [None] * len(loaded)
        load = load_average()
        return [
            _timing(
                artifact, turns[place], turns[0], facts[place], threads, cores, load, drifts[place]
            )
            for place, artifact in enumerate(loaded)
        ]


def _drifts(loaded, turns, minutes):
    """Goes on in turns of as many runs as fit into half a second."""

    def turn(artifact, runs):
        return lambda: float(np.median(artifact.time(warmup=1, runs=runs)[0]))

    fitting = (1000 * TURN / np.median(np.concatenate(seen)) for seen in turns)
    counts = [int(np.clip(runs, 2, MOST_RUNS)) for runs in fitting]
    return sustained([turn(*pair) for pair in zip(loaded, counts, strict=True)], minutes)


def _timing(artifact, turns, first_turns, facts, threads, cores, load, drift):
    measured = np.concatenate(turns)
    return Timing(
        file=str(artifact.path),
        sha256=hashlib.sha256(artifact.path.read_bytes()).hexdigest(),
        engine=artifact.title,
        version=artifact.version,
        threads=threads,
        cores=cores,
        runs=len(measured),
        median=float(np.median(measured)),
        p90=float(np.percentile(measured, 90)),
        p99=float(np.percentile(measured, 99)),
        minimum=float(np.min(measured)),
        turns=[float(np.median(turn)) for turn in turns],
        loading=artifact.loading / 1e6,
        first=facts[0]["first"] / 1e6,
        memory=facts[-1]["memory"],
        delegated=artifact.delegated and tuple(artifact.delegated),
        delegate=artifact.delegate,
        fallbacks=[(operator, layer) for operator, layer in artifact.fallbacks],
        inputs=_inputs(artifact, facts[-1]["shapes"]),
        ratio=float(np.median(measured) / np.median(np.concatenate(first_turns))),
        interval=ratio_interval(turns, first_turns),
        load=load,
        samples=[round(float(t), 6) for t in measured],
        drift=drift,
    )


def ratio_interval(turns: Sequence[np.ndarray], other: Sequence[np.ndarray]) -> tuple[float, float]:
    """Where 95 % of the ratios of medians lie when turns are drawn again with replacement.

    Turn i of both was measured side by side: they are drawn together (the paired bootstrap of
    Efron & Tibshirani, "An Introduction to the Bootstrap", 1993, section 8).
    """
    ratios = np.array([np.median(a) / np.median(b) for a, b in zip(turns, other, strict=True)])
    drawn = np.random.default_rng(0).integers(0, len(ratios), (RESAMPLES, len(ratios)))
    low, high = np.percentile(np.median(ratios[drawn], axis=1), [2.5, 97.5])
    return float(low), float(high)


def free_cores(threads: int) -> list[int] | None:
    """The last cores this process may use, one a thread; None where a system has no pinning."""
    if not hasattr(os, "sched_getaffinity"):
        return None
    return sorted(os.sched_getaffinity(0))[-threads:]


def _inputs(artifact, shapes):
    return ", ".join(
        f"{'x'.join(map(str, shape)) or 'scalar'} {end['dtype']}"
        for end, shape in zip(artifact.inputs, shapes, strict=True)
    )


def record(timings: Sequence[Timing], command: str = "") -> dict[str, Any]:
    """The timings with machine, date and the command that asked for them, ready to be written;
    without the single runs."""
    rows = [asdict(t) for t in timings]
    return {
        "evidence": "measured",
        "command": command,
        "machine": machine(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "timings": [{k: v for k, v in row.items() if k != "samples"} for row in rows],
    }

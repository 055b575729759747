"""The process in which one artifact runs; `process.Artifact` starts it.

It reads one JSON command a line and answers each with one JSON line. An engine that crashes on a
file takes this process with it, and nothing else.

    {"verb": "run", "inputs": A.npz, "outputs": B.npz}   every image, in batches of the file's size
    {"verb": "call", ..., "count": 8}                    whole inputs, one after another
    {"verb": "time", "warmup": 5, "runs": 50}            nanoseconds of each run on random inputs
    {"verb": "profile", "runs": 50}                      what each operator takes

Between two runs of a long command it answers {} now and then: it is alive.
"""

import json
import os
import re
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from .engines import LoadedEngine, load_engine, read_content
from .made_up import runnable

LARGEST_BATCH = 128  # of a file that takes any number


def main(path: str, threads: str, cores: str, engine: str) -> None:
    """Serves one file until its standard input ends.

    Args:
        path: of the file. threads: of its engine, in digits; "0" only reads the file, no engine
            sees it. cores: numbers of the processor cores
            to stay on, with commas between them; empty for any. engine: which of ENGINES.
    """
    pinned = [int(core) for core in cores.split(",") if core]
    if pinned and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, pinned)
    limit_memory()
    # What an engine prints goes to stderr: stdout carries the answers alone.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    if threads == "0":
        print(json.dumps({"content": asdict(read_content(path))}), file=answers)
        return
    before, began = memory("VmRSS"), time.perf_counter_ns()
    loaded = load_engine(path, threads=int(threads), engine=engine)
    facts = {
        "inputs": loaded.inputs,
        "outputs": loaded.outputs,
        "version": loaded.version,
        "content": asdict(loaded.content),
        "float_operators": loaded.float_operators,
        "loading": time.perf_counter_ns() - began,
        "delegated": getattr(loaded, "delegated", None),
        "delegate": getattr(loaded, "delegate", None),
        "fallbacks": getattr(loaded, "fallbacks", []),
        "arena": getattr(loaded, "arena", None),
    }
    print(json.dumps(facts), file=answers)
    for line in sys.stdin:
        command = json.loads(line)
        verb = {"run": run, "call": call, "time": measure, "profile": profile}[command.pop("verb")]
        answer = verb(loaded, alive(answers), **command)
        peak = memory("VmHWM")
        taken = peak - before if peak and before else None
        print(json.dumps({**answer, "memory": taken}), file=answers)


def limit_memory() -> None:
    """A damaged file may ask for any amount: what the machine has not is refused, not swapped."""
    try:
        import resource

        most = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    except (ImportError, OSError, ValueError):  # a system without such limits
        return


def alive(answers: TextIO) -> Callable[[], None]:
    """A function that answers {}, once a second at most, so that timing is not disturbed."""
    last = time.monotonic()

    def sign():
        nonlocal last
        if time.monotonic() > last + 1:
            print("{}", file=answers)
            last = time.monotonic()

    return sign


def run(
    engine: LoadedEngine, sign: Callable[[], None], *, inputs: str, outputs: str
) -> dict[str, Any]:
    """Runs all samples of an .npz through the engine and writes all outputs to another.

    A file of a fixed batch gets whole ones: the last is filled up with the first samples.
    """
    arrays = stored_arrays(inputs)
    count, fixed = len(arrays[0]), engine.inputs[0]["shape"][0]
    size = fixed if fixed > 0 else min(count, LARGEST_BATCH)
    made = []
    for start in range(0, count, size):
        batch = np.arange(start, start + size)
        batch = batch % count if fixed > 0 else batch[batch < count]
        made.append(results(engine, [array[batch] for array in arrays]))
        sign()
    joined = [np.concatenate(parts)[:count] for parts in zip(*made, strict=True)]
    np.savez(outputs, *joined)
    return {"images": count}


def call(
    engine: LoadedEngine, sign: Callable[[], None], *, inputs: str, outputs: str, count: int
) -> dict[str, Any]:
    """Calls the engine `count` times, each with what stands at that place of every array."""
    arrays, made = stored_arrays(inputs), []
    for number in range(count):
        made.append(results(engine, [np.ascontiguousarray(array[number]) for array in arrays]))
        sign()
    np.savez(outputs, *[np.stack(parts) for parts in zip(*made, strict=True)])
    return {"calls": count}


def stored_arrays(path: str) -> list[np.ndarray]:
    """The arrays of an .npz file in their order."""
    with np.load(path, allow_pickle=False) as stored:
        return [stored[f"arr_{i}"] for i in range(len(stored.files))]


def results(engine: LoadedEngine, arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Runs one batch: arrays in the order of the inputs -> arrays in that of the outputs."""
    engine.prepare(arrays)
    engine.invoke()
    return engine.results()


def measure(
    engine: LoadedEngine, sign: Callable[[], None], *, warmup: int, runs: int
) -> dict[str, Any]:
    """Times single runs on random inputs: the inference alone, inputs are in, outputs stay.

    first: nanoseconds of the very first run, the cold one, where this is the first measurement.
    """
    arrays, first = runnable(engine, sign)
    for _ in range(warmup):
        engine.invoke()
        sign()
    times = []
    for _ in range(runs):
        start = time.perf_counter_ns()
        engine.invoke()
        times.append(time.perf_counter_ns() - start)
        sign()
    shapes = [list(array.shape) for array in arrays]
    return {"nanoseconds": times, "shapes": shapes, "first": first}


def profile(engine: LoadedEngine, sign: Callable[[], None], *, runs: int) -> dict[str, Any]:
    """What each operator takes on random inputs, and what the engine fused, where it tells."""
    arrays, _ = runnable(engine, sign)
    times = engine.profile(arrays, runs)
    fused = engine.fused() if hasattr(engine, "fused") else None
    return {"times": [asdict(time) for time in times], "fused": fused}


def memory(key: str) -> int | None:
    """Bytes of memory of this process by the system's name for them: VmRSS, now; VmHWM, at most.
    None on a system that does not tell."""
    try:
        text = Path("/proc/self/status").read_text()
    except OSError:
        return None
    found = re.search(rf"^{key}:\s*(\d+) kB", text, re.MULTILINE)
    return int(found.group(1)) * 1024 if found else None

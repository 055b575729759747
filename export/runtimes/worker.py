"""The process in which one artifact runs: python -m export.runtimes.worker FILE THREADS CORES

It reads one JSON command a line and answers each with one JSON line. An engine that crashes on a
file takes this process with it, and nothing else.

    {"verb": "run", "inputs": A.npz, "outputs": B.npz}   every image, in batches of the file's size
    {"verb": "time", "warmup": 5, "runs": 50}            nanoseconds of each run on random pixels
"""

import json
import os
import sys
import time

import numpy as np

from export.runtimes.engines import load_engine


def main(path, threads, cores):
    if cores and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cores)
    # What an engine prints goes to stderr: stdout carries the answers alone.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    engine = load_engine(path, threads=threads)
    facts = {
        "inputs": engine.inputs,
        "outputs": engine.outputs,
        "version": engine.version,
        "operators": engine.operators,
        "minimum_runtime": engine.minimum_runtime,
        "floats_inside": engine.floats_inside,
    }
    print(json.dumps(facts), file=answers)
    for line in sys.stdin:
        command = json.loads(line)
        verb = {"run": run, "time": measure}[command.pop("verb")]
        print(json.dumps(verb(engine, **command)), file=answers)


def run(engine, *, inputs, outputs):
    """Runs all images of an .npz through the engine and writes all outputs to another."""
    with np.load(inputs, allow_pickle=False) as stored:
        arrays = [stored[name] for name in stored.files]
    size = engine.inputs[0]["shape"][0]
    size = len(arrays[0]) if size < 1 else size
    made = [
        engine.run([array[start : start + size] for array in arrays])
        for start in range(0, len(arrays[0]), size)
    ]
    joined = [np.concatenate(parts) for parts in zip(*made, strict=True)]
    np.savez(outputs, *joined)
    return {"images": len(arrays[0])}


def measure(engine, *, warmup, runs):
    """Times single runs on random pixels."""
    rng = np.random.default_rng(0)
    shapes = [[max(1, n) for n in x["shape"]] for x in engine.inputs]
    arrays = [
        rng.integers(0, 256, shape).astype(x["dtype"])
        for shape, x in zip(shapes, engine.inputs, strict=True)
    ]
    for _ in range(warmup):
        engine.run(arrays)
    times = []
    for _ in range(runs):
        start = time.perf_counter_ns()
        engine.run(arrays)
        times.append(time.perf_counter_ns() - start)
    return {"nanoseconds": times}


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), [int(c) for c in sys.argv[3].split(",") if c])

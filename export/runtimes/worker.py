"""The process in which one artifact runs; `process.Artifact` starts it.

It reads one JSON command a line and answers each with one JSON line. An engine that crashes on a
file takes this process with it, and nothing else.

    {"verb": "run", "inputs": A.npz, "outputs": B.npz}   every image, in batches of the file's size
    {"verb": "time", "warmup": 5, "runs": 50}            nanoseconds of each run on random pixels

Between two runs of a long command it answers {} now and then: it is alive.
"""

import json
import os
import sys
import time

import numpy as np

from .engines import load_engine

LARGEST_BATCH = 128  # of a file that takes any number


def main(path, threads, cores):
    """Serves one file until its standard input ends.

    Args:
        path: of the file. threads: of its engine, in digits. cores: numbers of the processor cores
            to stay on, with commas between them; empty for any.
    """
    cores = [int(core) for core in cores.split(",") if core]
    if cores and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cores)
    limit_memory()
    # What an engine prints goes to stderr: stdout carries the answers alone.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    engine = load_engine(path, threads=int(threads))
    facts = {
        "inputs": engine.inputs,
        "outputs": engine.outputs,
        "version": engine.version,
        "operators": engine.operators,
        "minimum_runtime": engine.minimum_runtime,
        "float_operators": engine.float_operators,
    }
    print(json.dumps(facts), file=answers)
    for line in sys.stdin:
        command = json.loads(line)
        verb = {"run": run, "time": measure}[command.pop("verb")]
        print(json.dumps(verb(engine, alive(answers), **command)), file=answers)


def limit_memory():
    """A damaged file may ask for any amount: what the machine has not is refused, not swapped."""
    try:
        import resource

        most = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    except (ImportError, OSError, ValueError):  # a system without such limits
        return


def alive(answers):
    """A function that answers {}, once a second at most, so that timing is not disturbed."""
    last = time.monotonic()

    def sign():
        nonlocal last
        if time.monotonic() > last + 1:
            print("{}", file=answers)
            last = time.monotonic()

    return sign


def run(engine, sign, *, inputs, outputs):
    """Runs all samples of an .npz through the engine and writes all outputs to another.

    A file of a fixed batch gets whole ones: the last is filled up with the first samples.
    """
    with np.load(inputs, allow_pickle=False) as stored:
        arrays = [stored[f"arr_{i}"] for i in range(len(stored.files))]
    count, fixed = len(arrays[0]), engine.inputs[0]["shape"][0]
    size = fixed if fixed > 0 else min(count, LARGEST_BATCH)
    made = []
    for start in range(0, count, size):
        batch = np.arange(start, start + size)
        batch = batch % count if fixed > 0 else batch[batch < count]
        made.append(engine.run([array[batch] for array in arrays]))
        sign()
    joined = [np.concatenate(parts)[:count] for parts in zip(*made, strict=True)]
    np.savez(outputs, *joined)
    return {"images": count}


def measure(engine, sign, *, warmup, runs):
    """Times single runs on random pixels."""
    rng = np.random.default_rng(0)
    shapes = [[max(1, n) for n in x["shape"]] for x in engine.inputs]
    arrays = [
        rng.integers(0, 256, shape).astype(x["dtype"])
        for shape, x in zip(shapes, engine.inputs, strict=True)
    ]
    for _ in range(warmup):
        engine.run(arrays)
        sign()
    times = []
    for _ in range(runs):
        start = time.perf_counter_ns()
        engine.run(arrays)
        times.append(time.perf_counter_ns() - start)
        sign()
    return {"nanoseconds": times}

"""Processes that read inputs and may die of them. They are forked after the imports, which take
seconds; TensorFlow starts in each of them, since what it starts does not survive a fork."""

import contextlib
import multiprocessing
import os
import resource
import shutil
import signal
import tempfile
import time
import traceback
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path

from benchmarks.fuzz_readers import READERS
from kerascnn.console import muted, printable
from kerascnn.errors import UserError

SECONDS = 20  # that an input may take
BYTES = 3 * 2**30  # that an input may take
LIFETIME = 150  # inputs of one process: Keras and TensorFlow keep a little of each model
STARTING = 60  # seconds that a process may take to start TensorFlow
OF_ONNX_RUNTIME = ".ses"  # which it puts into the temporary folder, one for all of its processes

FORK = multiprocessing.get_context("fork")


def mishandled(verdict):
    return verdict not in ("accepted", "refused")


def preload():
    """Imports what the readers import, and starts nothing."""
    import kerascnn.evaluation
    import kerascnn.training  # noqa: F401


def in_a_fork(function):
    """Runs a function in a process of its own; RuntimeError where that fails."""
    process = FORK.Process(target=function)
    process.start()
    process.join()
    if process.exitcode:
        raise RuntimeError(f"{function}: exit code {process.exitcode}")


@dataclass
class Worker:
    """A process, the pipe to it, what it reads now and until when."""

    process: multiprocessing.process.BaseProcess
    pipe: Connection
    folder: Path
    task: tuple | None = None
    until: float = float("inf")
    done: int = 0


class Pool:
    """So many processes at a time, each replaced when an input ends it."""

    def __init__(self, processes, examples, *, quiet=True):
        preload()
        self.examples, self.quiet, self.slow = examples, quiet, set()
        self.workers = [self._started() for _ in range(processes)]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for worker in self.workers:
            self._end(worker)

    def run(self, tasks, *, most=None, until=float("inf")):
        """Yields (kind, seed, data, verdict) of tasks (kind, seed, data), as they are done.

        A verdict is "accepted", "refused", or what was wrong. most: tasks. until: of
        `time.monotonic`; no task begins after it.
        """
        tasks, given = iter(tasks), 0

        def following():
            nonlocal given
            if (most is not None and given >= most) or time.monotonic() >= until:
                return None
            given += 1
            return next(tasks, None)

        for number in range(len(self.workers)):
            self._give(number, following())
        while any(worker.task for worker in self.workers):
            ready = wait([w.pipe for w in self.workers if w.task], timeout=1)
            for number, worker in enumerate(self.workers):
                if not worker.task:
                    continue
                if worker.pipe in ready:
                    verdict = self._answer(worker)
                elif time.monotonic() > worker.until:
                    task, slow = worker.task, worker.task[:2]
                    if slow not in self.slow:  # perhaps the machine stood still: once more
                        self.slow.add(slow)
                        self._end(worker)
                        self.workers[number] = self._started()
                        self._give(number, task)
                        continue
                    verdict = f"did not end within {SECONDS} s, twice"
                else:
                    continue
                yield *worker.task, verdict
                if mishandled(verdict) or worker.done >= LIFETIME:
                    self._end(worker)
                    self.workers[number] = self._started()
                self._give(number, following())

    def _give(self, number, task):
        worker = self.workers[number]
        worker.task, worker.done = task, worker.done + 1
        if task:
            worker.until = time.monotonic() + SECONDS
            with contextlib.suppress(BrokenPipeError):
                worker.pipe.send(task)

    def _answer(self, worker):
        try:
            return worker.pipe.recv()
        except (EOFError, ConnectionError):
            worker.process.join(SECONDS)
            return f"ended the process, exit code {worker.process.exitcode}"

    def _started(self):
        ours, theirs = FORK.Pipe()
        folder = Path(tempfile.mkdtemp(prefix="fuzz"))
        process = FORK.Process(target=_serve, args=(theirs, folder, self.examples, self.quiet))
        process.start()
        theirs.close()
        worker = Worker(process, ours, folder)
        if not ours.poll(STARTING):
            raise RuntimeError("a process did not start")
        ours.recv()
        return worker

    def _end(self, worker):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(worker.process.pid, signal.SIGKILL)  # its engines, too
        worker.process.join()
        worker.pipe.close()
        shutil.rmtree(worker.folder)


def _serve(pipe, folder, examples, quiet):
    """Reads task after task in `folder`, and answers each with its verdict."""
    os.setpgrp()
    scratch = folder / "tmp"
    scratch.mkdir()
    tempfile.tempdir = str(scratch)
    os.environ["TMPDIR"] = str(scratch)
    from kerascnn.console import start_tensorflow

    start_tensorflow()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    pipe.send("ready")
    with muted() if quiet else contextlib.nullcontext():
        number = 0
        while True:
            kind, _, data = pipe.recv()
            number += 1
            pipe.send(_verdict(READERS[kind], folder / str(number), data, examples, scratch, quiet))


def _verdict(reader, folder, data, examples, scratch, quiet):
    folder.mkdir()
    limit = _limit_memory()
    verdict = "accepted"
    try:
        reader.read(folder, data, examples)
    except UserError as error:
        verdict = "refused"
        if not quiet:
            print(printable(str(error)))
    except BaseException as error:
        verdict = printable(f"{type(error).__name__}: {error}")[:200]
        if not quiet:
            traceback.print_exc()
    resource.setrlimit(resource.RLIMIT_AS, limit)
    if not mishandled(verdict):
        verdict = _left_behind(folder, scratch) or verdict
    shutil.rmtree(folder)
    return verdict


def _limit_memory():
    """Leaves room for `BYTES` more; returns the limit there was."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + BYTES, before[1]))
    return before


def _left_behind(folder, scratch):
    """What an input left, in words; empty where nothing."""
    partial = [p.name for p in folder.rglob(".*")] + [
        p.name for p in scratch.iterdir() if p.name != OF_ONNX_RUNTIME
    ]
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    if partial:
        return f"left {', '.join(partial)}"
    if children:
        return f"left {len(children)} processes"
    peak = 1024 * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return f"took {peak:,} bytes in a process of its own" if peak > BYTES else ""

"""An artifact in a process of its own: crashes, hangs and silence become one line."""

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import numpy as np

from kerascnn.errors import UserError

from .engines import TITLES, engine_name

PATIENCE = 120  # seconds without a sign of life; one batch takes not nearly that long
ENDING = 10  # seconds from the last word of a process to its end
# The worker finds this package, Python's own and what is installed, in this order of trust: no file
# of the folder one stands in, nor one on PYTHONPATH, takes the place of a module. -P leaves the
# current folder out, -E the environment; what only PYTHONPATH has comes last.
START = """
import os, sys
root, later, *arguments = sys.argv[1:]
installed = (i for i, path in enumerate(sys.path) if path.endswith("-packages"))
sys.path.insert(next(installed, len(sys.path)), root)
sys.path += filter(None, later.split(os.pathsep))
import kerascnn
kerascnn.answers_at_once = True
from export.runtimes.worker import main
main(*arguments)
"""
WORKER = (sys.executable, "-P", "-E", "-c", START)
SIGN_OF_LIFE: dict = {}
FACTS = ("inputs", "outputs", "version", "operators", "minimum_runtime", "float_operators")
COMPARABLE = ("float32", "uint8", "int8", "int16")


class Artifact:
    """A .tflite or .onnx file, loaded in a worker process. Use it in a `with`.

    engine: "litert" or "onnxruntime". inputs, outputs: a dict a tensor, see `load_engine`.
    version: of the engine. operators, minimum_runtime: what the file needs. float_operators: names
    of operators that compute in float; None where the format does not tell.
    cores: the processor cores to stay on, or None for any. name: the path that errors speak of,
    where the file itself is a hidden one.

    Raises:
        UserError: the engine refuses the file, dies of it, or does not answer.
    """

    def __init__(self, path, *, threads=1, cores=None, name=None):
        self.path = Path(name or path)  # what errors speak of
        self.engine = engine_name(path)
        self.title = TITLES[self.engine]
        self._noise = tempfile.TemporaryFile()  # noqa: SIM115, closed in close()
        arguments = [str(Path(path).resolve()), str(threads), ",".join(map(str, cores or []))]
        roots = [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]
        self._process = subprocess.Popen(
            [*WORKER, *roots, *arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._noise,
            encoding="utf-8", errors="replace",
        )  # fmt: skip
        self._answers = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()
        try:
            facts = self._answer(*FACTS)
        except BaseException:
            self.close()
            raise
        self.inputs, self.outputs, self.version, *rest = facts
        self.operators, self.minimum_runtime, self.float_operators = rest

    def run(self, arrays):
        """Runs samples through the file, batch by batch.

        Args:
            arrays: for each of `inputs` an array, (n, ...), of its dtype.

        Returns:
            A list with one array, (n, ...), for each of `outputs`.

        Raises:
            UserError: arrays that the file does not take, or an engine that dies of them.
        """
        if len(arrays) != len(self.inputs) or not self.outputs:
            ends = f"{len(self.inputs)} inputs and {len(self.outputs)} outputs"
            raise UserError(f"{self.path}: expected {len(arrays)} inputs and outputs, got {ends}")
        for end, array in zip(self.inputs, arrays, strict=True):
            wanted, given = end["shape"][1:], list(array.shape[1:])
            if len(wanted) != len(given) or any(
                n not in (-1, m) for n, m in zip(wanted, given, strict=True)
            ):
                raise UserError(
                    f"{self.path}: input {end['name']} takes {wanted}, its model takes {given}"
                )
        for end in (*self.inputs, *self.outputs):
            if end["dtype"] not in COMPARABLE:
                raise UserError(f"{self.path}: {end['name']} is {end['dtype']}, not of a network")
        with tempfile.TemporaryDirectory() as folder:
            source, target = Path(folder) / "in.npz", Path(folder) / "out.npz"
            np.savez(source, *arrays)
            self._ask("run", "images", inputs=str(source), outputs=str(target))
            with np.load(target, allow_pickle=False) as stored:
                return [stored[f"arr_{i}"] for i in range(len(stored.files))]

    def time(self, *, warmup, runs):
        """Times single runs on random pixels: milliseconds, (runs,)."""
        (times,) = self._ask("time", "nanoseconds", warmup=warmup, runs=runs)
        return np.array(times) / 1e6

    def close(self):
        """Ends the process."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._noise):
            with contextlib.suppress(OSError):
                stream.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _listen(self):
        with contextlib.suppress(ValueError):  # closed while we read
            for line in self._process.stdout or ():
                self._answers.put(line)
        self._answers.put(None)

    def _ask(self, verb, *keys, **arguments):
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps({"verb": verb, **arguments}) + "\n")
            self._process.stdin.flush()
        return self._answer(*keys)

    def _answer(self, *keys):
        """What stands under `keys` in the next answer."""
        while True:
            try:
                line = self._answers.get(timeout=PATIENCE)
            except queue.Empty:
                raise UserError(
                    f"{self.path}: {self.title} did not answer within {PATIENCE} s"
                ) from None
            if line is None:
                raise UserError(f"{self.path}: {self.title} {self._last_words()}")
            try:
                answer = json.loads(line)
                if answer != SIGN_OF_LIFE:
                    return [answer[key] for key in keys]
            except (ValueError, KeyError, TypeError, RecursionError):
                raise UserError(
                    f"{self.path}: {self.title} answered nonsense on this file: {line[:80]!r}"
                ) from None

    def _last_words(self):
        """How the process ended, in the rest of a sentence."""
        try:
            code = self._process.wait(timeout=ENDING)
        except subprocess.TimeoutExpired:
            return "fell silent on this file; it is damaged"
        if code == -signal.SIGKILL:
            return "was killed on this file, perhaps for want of memory"
        if code < 0:
            return f"crashed on this file ({signal.Signals(-code).name}); it is damaged"
        self._noise.seek(0)
        lines = self._noise.read().decode(errors="replace").strip().splitlines()
        reason = lines[-1].split(": ", 1)[-1][:200] if lines else f"exit code {code}"
        return f"refuses this file: {reason}"

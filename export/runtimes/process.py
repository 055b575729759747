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

from export.runtimes.engines import TITLES, engine_name
from kerascnn.errors import UserError

PATIENCE = 600  # seconds; no command that this tool gives takes nearly that long
LOADING = 60


def as_input(images, dtype):
    """Pixels, uint8, as an input takes them: int8 is the byte less 128, float32 its number."""
    if dtype == "int8":
        return (images.astype(np.int16) - 128).astype(np.int8)
    return images.astype(dtype)


class Artifact:
    """A .tflite or .onnx file, loaded in a worker process. Use it in a `with`.

    engine: "litert" or "onnxruntime". inputs, outputs: a dict a tensor, see `load_engine`.
    version: of the engine. operators, minimum_runtime: what the file needs. floats_inside: names
    of operators that compute in float between integers; None where the format does not tell.
    cores: the processor cores to stay on, or None for any.

    Raises:
        UserError: the engine refuses the file, dies of it, or does not answer.
    """

    def __init__(self, path, *, threads=1, cores=None):
        self.path = Path(path)
        self.engine = engine_name(path)
        self.title = TITLES[self.engine]
        root = Path(__file__).parents[2]
        paths = [str(root), *filter(None, [os.environ.get("PYTHONPATH")])]
        self._noise = tempfile.TemporaryFile()  # noqa: SIM115, closed in close()
        command = [sys.executable, "-m", "export.runtimes.worker", str(self.path.resolve())]
        self._process = subprocess.Popen(
            [*command, str(threads), ",".join(map(str, cores or []))],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._noise, text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        )  # fmt: skip
        self._answers = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()
        try:
            facts = self._answer(LOADING)
        except BaseException:
            self.close()
            raise
        self.inputs, self.outputs = facts["inputs"], facts["outputs"]
        self.version = facts["version"]
        self.operators = facts["operators"]
        self.minimum_runtime = facts["minimum_runtime"]
        self.floats_inside = facts["floats_inside"]

    def run(self, images):
        """Runs images, (n, height, width, channels) uint8, through the file, batch by batch.

        Returns:
            A list with one array, (n, ...), for each output.
        """
        expected = self.inputs[0]
        wanted = expected["shape"][1:]
        if any(n not in (-1, m) for n, m in zip(wanted, images.shape[1:], strict=True)):
            raise UserError(f"{self.path}: expected images of {wanted}, got {images.shape[1:]}")
        with tempfile.TemporaryDirectory() as folder:
            source, target = Path(folder) / "in.npz", Path(folder) / "out.npz"
            np.savez(source, as_input(images, expected["dtype"]))
            self._ask("run", inputs=str(source), outputs=str(target))
            with np.load(target, allow_pickle=False) as stored:
                return [stored[f"arr_{i}"] for i in range(len(stored.files))]

    def time(self, *, warmup, runs):
        """Times single runs on random pixels: milliseconds, (runs,)."""
        return np.array(self._ask("time", warmup=warmup, runs=runs)["nanoseconds"]) / 1e6

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

    def _ask(self, verb, **arguments):
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps({"verb": verb, **arguments}) + "\n")
            self._process.stdin.flush()
        return self._answer()

    def _answer(self, patience=PATIENCE):
        try:
            line = self._answers.get(timeout=patience)
        except queue.Empty:
            raise UserError(
                f"{self.path}: {self.title} did not answer within {patience} s"
            ) from None
        if line is None:
            raise UserError(f"{self.path}: {self.title} {self._last_words()}")
        return json.loads(line)

    def _last_words(self):
        """How the process ended, in the rest of a sentence."""
        code = self._process.wait()
        if code < 0:
            return f"crashed on this file ({signal.Signals(-code).name}); it is damaged"
        self._noise.seek(0)
        lines = self._noise.read().decode(errors="replace").strip().splitlines()
        reason = lines[-1].split(": ", 1)[-1][:200] if lines else f"exit code {code}"
        return f"refuses this file: {reason}"

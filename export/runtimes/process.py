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
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from kerascnn.errors import UserError, required
from kerascnn.extras import require

from .engines import ENGINES, engine_name

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


class Worker:
    """A file and the process that serves it; see `worker` for what it understands."""

    def __init__(
        self,
        path: Path | str,
        *,
        threads: int,
        cores: Sequence[int] | None,
        name: Path | str | None,
        engine: str | None = None,
    ) -> None:
        self.path = Path(name or path)  # what errors speak of
        self.engine = engine or engine_name(path)
        if Path(path).suffix == ".onnx":
            require("onnx", str(self.path))
        self.title = ENGINES[self.engine].title
        self._noise = tempfile.TemporaryFile()  # noqa: SIM115, closed in close()
        # Not resolved: what a link leads to may keep its weights beside the link.
        pinned = ",".join(map(str, cores or []))
        arguments = [str(Path(path).absolute()), str(threads), pinned, self.engine]
        roots = [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]
        self._process = subprocess.Popen(
            [*WORKER, *roots, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._noise,
            encoding="utf-8",
            errors="replace",
        )
        self._answers = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def close(self) -> None:
        """Ends the process."""
        self._process.kill()
        self._process.wait()
        for stream in (required(self._process.stdin), required(self._process.stdout), self._noise):
            with contextlib.suppress(OSError):
                stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _listen(self):
        with contextlib.suppress(ValueError):  # closed while we read
            for line in self._process.stdout or ():
                self._answers.put(line)
        self._answers.put(None)

    def ask(self, verb: str, *keys: str, **arguments: Any) -> list[Any]:
        """Sends a request and gives what stands under `keys` in its answer."""
        with contextlib.suppress(BrokenPipeError):
            stdin = required(self._process.stdin)
            stdin.write(json.dumps({"verb": verb, **arguments}) + "\n")
            stdin.flush()
        return self.answer(*keys)

    def answer(self, *keys: str) -> list[Any]:
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

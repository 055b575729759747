"""A phone on a cable: LiteRT's own benchmark program, pushed and run over adb.

`benchmark_model` for android_arm64 is LiteRT's; KERASCNN_BENCHMARK_MODEL says where it lies.
"""

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from kerascnn.errors import UserError

from ..runtimes.drift import sustained
from .lane import Figure, Lane, Options, Probe, digest

PROGRAM = "KERASCNN_BENCHMARK_MODEL"
FOLDER = PurePosixPath("/data/local/tmp/kerascnn")
PATIENCE = 300  # seconds for one setting
WARMUP = 10
PROPERTIES = {
    "device": "ro.product.model",
    "board": "ro.board.platform",
    "android": "ro.build.version.release",
}
COUNT = re.compile(r"^count=(\d+).*$", re.MULTILINE)
NUMBER = re.compile(r"(\w+)=([-+\d.e]+)")
INIT = re.compile(r"Init: ([\d.]+), First inference: ([\d.]+)")
DELEGATED = re.compile(
    r"(?:Replacing|replaced) (\d+) (?:out of|of) (\d+) node\(s\)|"
    r"delegate(?:d)? (\d+) nodes out of (\d+)"
)


class Android(Lane):
    """The one device that adb sees: its processor by threads, its GPU, and NNAPI."""

    name = "android"
    title = "Android over adb"
    evidence = "measured"
    unit = "ms"
    formats = (".tflite",)
    licence = "Apache-2.0"
    install = f"apt install adb, a device, and LiteRT's benchmark_model in ${PROGRAM}"

    def probe(self) -> Probe:
        if shutil.which("adb") is None:
            return Probe(False, missing="apt install adb")
        if not Path(os.environ.get(PROGRAM, "")).is_file():
            return Probe(False, missing=f"say where LiteRT's benchmark_model lies: {PROGRAM}=FILE")
        try:
            return Probe(True, device())
        except UserError as error:
            return Probe(False, missing=str(error))

    def bench(self, paths: Sequence[Path], options: Options) -> list[Figure]:
        adb("push", os.environ[PROGRAM], str(FOLDER / "benchmark_model"))
        adb("shell", "chmod", "755", str(FOLDER / "benchmark_model"))
        settings = [
            (f"CPU, {n} thread{'s' * (n != 1)}", [f"--num_threads={n}"]) for n in options.threads
        ]
        settings += [("GPU", ["--use_gpu=true"]), ("NNAPI", ["--use_nnapi=true"])]
        figures = []
        for path in map(Path, paths):
            # What an app would hold: pushed under its digest, no name of a file meets a shell.
            target = FOLDER / f"{digest(path)[:16]}.tflite"
            adb("push", str(path), str(target))
            figures += [self._figure(path, target, *s, options) for s in settings]
        return figures

    def _figure(self, path, target, setting, flags, options):
        command = [
            str(FOLDER / "benchmark_model"),
            f"--graph={target}",
            f"--num_runs={options.runs}",
        ]
        command += [f"--warmup_runs={WARMUP}", "--verbose=true", *flags]
        try:
            found = parsed(adb("shell", *command))
            if options.sustained:
                (drift,) = sustained([partial(_turn, command)], options.sustained)
                found["drift"] = asdict(drift)
        except UserError as error:
            return self.figure(path, setting, None, refused=str(error))
        details = {**device(), **found, "command": shlex.join(command)}
        return self.figure(path, setting, found["median"], details=details)


def _turn(command):
    return parsed(adb("shell", *command))["median"]


def parsed(log: str) -> dict[str, Any]:
    """Reads what benchmark_model printed: milliseconds of its timed runs.

    It prints a line of counts for the warm-up and one for the timed runs; older versions give no
    percentiles, and then the mean stands for the median ("estimated" says so).

    Raises:
        UserError: there is no second line of counts.
    """
    lines = [match.group(0) for match in COUNT.finditer(log)]
    if len(lines) < 2:
        words = [line for line in log.strip().splitlines() if "ERROR" in line.upper()]
        reason = words[-1][:200] if words else "printed no timed runs"
        raise UserError(f"benchmark_model: {reason}")
    values = {key: float(value) for key, value in NUMBER.findall(lines[1])}
    found = {
        "runs": int(values["count"]),
        "median": values.get("median", values["avg"]) / 1000,
        "minimum": values["min"] / 1000,
        "estimated": "median" not in values,
    }
    if "p95" in values:
        found["p95"] = values["p95"] / 1000
    if match := INIT.search(log):
        found["loading"], found["first"] = (float(n) / 1000 for n in match.groups())
    if match := DELEGATED.search(log):
        found["delegated"] = [int(n) for n in match.groups() if n]
    return found


def device() -> dict[str, str]:
    """The name, board and Android version of the one device.

    Raises:
        UserError: there is none, more than one, or one that has not been allowed.
    """
    lines = adb("devices").strip().splitlines()[1:]
    states = [line.split()[1] for line in lines if len(line.split()) > 1]
    if states != ["device"]:
        seen = ", ".join(states) or "none"
        raise UserError(f"adb needs one device that allows it, and sees {seen}")
    return {key: adb("shell", "getprop", name).strip() for key, name in PROPERTIES.items()}


def adb(*words: str) -> str:
    """Runs adb and returns what it printed; UserError where it fails."""
    try:
        done = subprocess.run(
            ["adb", *words], capture_output=True, text=True, timeout=PATIENCE, errors="replace"
        )
    except subprocess.TimeoutExpired:
        raise UserError(f"adb {words[0]} did not end within {PATIENCE} s") from None
    if done.returncode:
        lines = (done.stderr + done.stdout).strip().splitlines() or ["no reason given"]
        raise UserError(f"adb {words[0]}: {lines[-1][:200]}")
    return done.stdout + done.stderr


ANDROID = Android()

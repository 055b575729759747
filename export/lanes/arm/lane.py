"""aarch64 under QEMU: outputs as an Arm core computes them, and instructions counted by a plugin.

A count is no time: cores differ in how many instructions they finish in a cycle. It is exact, the
same in every run, and tells which of two files has more work for the same core.
"""

import os
import subprocess
import tempfile
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from kerascnn.errors import UserError

from ..lane import Figure, Golden, Lane, Options, Probe, disagreement, golden
from .tools import DEBIAN, Tools, missing, tools

PATIENCE = 600  # seconds for one file on one core; ResNet-50 takes about a tenth
# What QEMU calls a core, and what /proc/cpuinfo of a machine that has it says: LiteRT chooses its
# kernels by that. The i8mm core is QEMU's largest without vector lengths of its own.
FIRST = "fp asimd evtstrm aes pmull sha1 sha2 crc32 cpuid"
SECOND = f"{FIRST} atomics fphp asimdhp asimdrdm lrcpc dcpop asimddp"
CORES = {
    "Cortex-A53": ("cortex-a53", FIRST, "0xd03"),
    "Cortex-A76": ("cortex-a76", SECOND, "0xd0b"),
    "Armv8.6 i8mm": ("max,sve=off,sme=off", f"{SECOND} i8mm bf16", "0xd40"),
}
CPUINFO = (
    "processor\t: 0\nBogoMIPS\t: 62.50\nFeatures\t: {features}\nCPU implementer\t: 0x41\n"
    "CPU architecture: 8\nCPU variant\t: 0x0\nCPU part\t: {part}\nCPU revision\t: 1\n\n"
)


class Arm(Lane):
    """LiteRT's aarch64 library on three cores that QEMU knows."""

    name = "arm"
    title = "Arm, emulated"
    evidence = "counted"
    unit = "instructions"
    formats = (".tflite",)
    licence = "GPL-2.0 (QEMU, run as a program), Apache-2.0 (LiteRT)"
    install = f"apt install {DEBIAN}"

    def probe(self) -> Probe:
        if lacking := missing():
            return Probe(False, missing=f"apt install {lacking}")
        try:
            return Probe(True, {"ai-edge-litert": version("ai-edge-litert"), "qemu": _qemu()})
        except PackageNotFoundError:
            return Probe(False, missing="pip install ai-edge-litert")

    def bench(self, paths: Sequence[Path], options: Options) -> list[Figure]:
        try:
            ready = tools()
        except UserError as error:
            return [self.figure(path, "", None, refused=str(error)) for path in paths]
        return [figure for path in paths for figure in self._counted(path, ready)]

    def _counted(self, path, ready):
        try:
            expected = golden(path)
            expected.refuse_batches("LiteRT under QEMU")
        except UserError as error:
            return [self.figure(path, "", None, refused=str(error))]
        return [self._figure(path, core, expected, ready) for core in CORES]

    def _figure(self, path, core, expected, ready):
        try:
            outputs, counts = run(path, core, expected, ready)
        except UserError as error:
            return self.figure(path, core, None, refused=str(error))
        if reason := disagreement(path, expected, outputs):
            return self.figure(path, core, None, refused=reason)
        identical = all(
            np.array_equal(a.ravel(), b.ravel())
            for a, b in zip(expected.outputs, outputs, strict=True)
        )
        # The first inference prepares buffers and kernels.
        details = {"first": counts[0], "bit_identical": identical}
        return self.figure(path, core, float(counts[-1]), details=details)


def run(
    path: Path, core: str, expected: Golden, ready: Tools
) -> tuple[list[np.ndarray], list[int]]:
    """Runs the golden inputs on a core of `CORES`.

    Returns:
        (the outputs, an array an end; the instructions of each inference).

    Raises:
        UserError: QEMU, LiteRT or the file does not go.
    """
    cpu, features, part = CORES[core]
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "lib").symlink_to(ready.libraries)
        (root / "proc").mkdir()
        (root / "proc/cpuinfo").write_text(CPUINFO.format(features=features, part=part))
        count = len(expected.inputs[0])
        with (root / "inputs").open("wb") as file:
            for sample in range(count):
                for array in expected.inputs:
                    file.write(np.ascontiguousarray(array[sample]).tobytes())
        command = ["qemu-aarch64", "-L", folder, "-cpu", cpu, "-plugin", str(ready.plugin)]
        command += [str(ready.harness), str(ready.litert), str(Path(path).absolute())]
        command += [str(root / "inputs"), str(count)]
        environment = {**os.environ, "COUNTS": str(root / "counts")}
        try:
            done = subprocess.run(
                command, capture_output=True, timeout=PATIENCE, env=environment, cwd=folder
            )
        except subprocess.TimeoutExpired:
            raise UserError(f"did not end within {PATIENCE} s on {core}") from None
        if done.returncode:
            told = done.stderr.decode(errors="replace").strip().splitlines()
            last = told[-1][:200] if told else f"exit code {done.returncode}"
            raise UserError(f"LiteRT on {core}: {last}")
        counts = [int(line) for line in (root / "counts").read_text().split()]
        if len(counts) != count:
            raise UserError(f"{len(counts)} inferences were counted on {core}, not {count}")
        return _arrays(done.stdout, expected), counts


def _arrays(data, expected):
    """The bytes of all outputs of the first sample, of the second, ... as an array an output."""
    sizes = [array[0].nbytes for array in expected.outputs]
    count = len(expected.outputs[0])
    if len(data) != count * sum(sizes):
        raise UserError(f"{len(data)} bytes of outputs where {count * sum(sizes)} are right")
    samples = np.frombuffer(data, np.uint8).reshape(count, -1)
    starts = np.cumsum([0, *sizes])
    return [
        np.ascontiguousarray(samples[:, a:b]).view(array.dtype).reshape(array.shape)
        for a, b, array in zip(starts, starts[1:], expected.outputs, strict=False)
    ]


def _qemu():
    told = subprocess.run(["qemu-aarch64", "--version"], capture_output=True, text=True)
    return told.stdout.split()[2] if told.returncode == 0 else "?"


ARM = Arm()

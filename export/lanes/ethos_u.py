"""Arm's Ethos-U NPUs, as Vela models them: cycles, memory, and what falls back to the processor.

Vela compiles a file for an NPU and estimates what it will take there. Nothing runs.
"""

import csv
import importlib.util
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from .lane import Figure, Lane, Options, Placement, Probe

PATIENCE = 300  # seconds; Vela takes one for a network of fifty layers
# The memory that Arm's examples give each: see the systems in Vela's own Arm/vela.ini.
SYSTEMS = {
    "u55": ("Ethos_U55_High_End_Embedded", "Shared_Sram"),
    "u65": ("Ethos_U65_High_End", "Dedicated_Sram"),
    "u85": ("Ethos_U85_SYS_DRAM_Mid", "Dedicated_Sram_512KB"),
}
SIZES = {"u55": (32, 64, 128, 256), "u65": (256, 512), "u85": (128, 256, 512, 1024, 2048)}
CALL = "import sys; from ethosu.vela.vela import main; sys.exit(main(sys.argv[1:]))"
OPERATOR = re.compile(r"^ +(CPU|NPU): (\S+) = (.*?)(?: \(outputs .*\))?$", re.MULTILINE)
WARNING = re.compile(r"operator: (\w+), ofm: '(.*)'")
KIBI = 1024


class EthosU(Lane):
    """The NPUs of one family, each of its sizes a setting."""

    evidence = "modelled"
    unit = "cycles"
    formats = (".tflite",)
    licence = "Apache-2.0"
    install = "pip install 'kerascnn[ethos-u]'"

    def __init__(self, family: str) -> None:
        self.family = family
        self.name = f"ethos-{family}"
        self.title = f"Ethos-{family.upper()}"

    def probe(self) -> Probe:
        if importlib.util.find_spec("ethosu") is None:
            return Probe(False, missing=self.install)
        return Probe(True, {"ethos-u-vela": version("ethos-u-vela")})

    def bench(self, paths: Sequence[Path], options: Options) -> list[Figure]:
        return [self.compiled(path, size) for path in paths for size in SIZES[self.family]]

    def check(self, path: Path) -> Placement | None:
        told, _ = self.compile(path, SIZES[self.family][0])
        return placement(told) if told else None

    def compiled(self, path: Path, size: int) -> Figure:
        """The figure of a file on one NPU."""
        setting = f"{self.family.upper()}-{size}"
        told, summary = self.compile(path, size)
        if summary is None:
            return self.figure(path, setting, None, refused=told)
        placed, cycles = placement(told), float(summary["cycles_total"])
        details = {
            "milliseconds": 1000 * float(summary["inference_time"]),
            "clock_hz": float(summary["core_clock"]),
            "system": summary["system_config"],
            "memory_mode": summary["memory_mode"],
            "sram_bytes": round(KIBI * float(summary["sram_memory_used"])),
            "flash_bytes": round(KIBI * _flash(summary)),
            "operators_npu": sum(placed.taken.values()),
            "fallbacks": [list(pair) for pair in placed.fallbacks],
        }
        if not placed.taken:
            first = placed.fallbacks[0] if placed.fallbacks else ("nothing", "it")
            reason = f"no operator runs on the NPU, from {first[0]} ({first[1]}) on"
            return self.figure(path, setting, None, refused=reason, details=details)
        return self.figure(path, setting, cycles, details=details)

    def compile(self, path: Path, size: int) -> tuple[str, dict[str, str] | None]:
        """(what Vela printed, its summary); (why there is none, None) where it fails."""
        system, memory = SYSTEMS[self.family]
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-P", "-c", CALL, str(Path(path).absolute())]
            command += ["--output-dir", folder, "--config", "Arm/vela.ini"]
            command += ["--accelerator-config", f"ethos-{self.family}-{size}"]
            command += ["--system-config", system, "--memory-mode", memory]
            command += ["--show-cpu-operations"]
            try:
                done = subprocess.run(
                    command, capture_output=True, text=True, timeout=PATIENCE, cwd=folder
                )
            except subprocess.TimeoutExpired:
                return f"Vela did not end within {PATIENCE} s", None
            summaries = list(Path(folder).glob("*_summary_*.csv"))
            if done.returncode or not summaries:
                lines = (done.stderr + done.stdout).strip().splitlines() or ["said nothing"]
                return f"Vela: {lines[-1][:200]}", None
            with summaries[0].open(newline="") as file:
                return done.stdout, next(csv.DictReader(file))


def placement(told: str) -> Placement:
    """Where operators run, out of what Vela prints with --show-cpu-operations."""
    makers: dict[str, list[str]] = {}  # the tensor -> TFLite's words for what makes it
    for operator, tensor in reversed(WARNING.findall(told)):
        makers.setdefault(tensor, []).append(operator)
    taken: Counter[str] = Counter()
    fallbacks = []
    for where, operator, tensor in OPERATOR.findall(told):
        if where == "NPU":
            taken[operator] += 1
        else:
            fallbacks.append(("+".join(makers.get(tensor, [operator])), tensor))
    return Placement(dict(taken), tuple(fallbacks))


def _flash(summary):
    """KiB in the memory where weights and code lie: flash, or DRAM where the system has none."""
    flash = float(summary["off_chip_flash_memory_used"]) + float(
        summary["on_chip_flash_memory_used"]
    )
    return flash or float(summary["dram_memory_used"])

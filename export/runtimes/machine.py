"""What figures were measured on: processor, system, and what sets its clock."""

import contextlib
import os
import platform
from pathlib import Path
from typing import Any

CPU = Path("/sys/devices/system/cpu")
DEVICES = (Path("/proc/device-tree/model"), Path("/sys/devices/virtual/dmi/id/product_name"))


def machine() -> dict[str, Any]:
    """Device, processor, cores, system; None for what the system does not tell."""
    return {
        "device": _device(),
        "cpu": _processor(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "governor": _read(CPU / "cpu0/cpufreq/scaling_governor"),
        "turbo": _turbo(),
    }


def load_average() -> float | None:
    """Processes that ran or waited for a core, the mean of the last minute."""
    with contextlib.suppress(AttributeError, OSError):
        return round(os.getloadavg()[0], 2)
    return None


def _processor():
    text = _read(Path("/proc/cpuinfo")) or ""
    names = [line for line in text.splitlines() if line.startswith("model name")]
    if names:
        return names[0].split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _device():
    """What its maker calls the board or the computer."""
    for place in DEVICES:
        if name := (_read(place) or "").strip("\0 "):
            return name
    return None


def _turbo():
    if (off := _read(CPU / "intel_pstate/no_turbo")) is not None:
        return off == "0"
    boost = _read(CPU / "cpufreq/boost")
    return None if boost is None else boost == "1"


def _read(path):
    with contextlib.suppress(OSError):
        return path.read_text().strip()
    return None

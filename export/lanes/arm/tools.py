"""What the lane runs: two small programs of ours, compiled on first use, and LiteRT for aarch64."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from kerascnn.errors import UserError

DEBIAN = "qemu-user gcc gcc-aarch64-linux-gnu libc6-dev-arm64-cross"
PROGRAMS = {
    "qemu-aarch64": "qemu-user",
    "gcc": "gcc",
    "aarch64-linux-gnu-gcc": "gcc-aarch64-linux-gnu libc6-dev-arm64-cross",
}
LIBRARIES = Path("/usr/aarch64-linux-gnu/lib")
PLATFORM = "manylinux_2_27_aarch64"
LIBRARY = "ai_edge_litert/libLiteRt.so"
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Tools:
    """Paths: of the plugin (this machine's), the harness and LiteRT (Arm's), Arm's C library."""

    plugin: Path
    harness: Path
    litert: Path
    libraries: Path


def missing() -> str:
    """Debian's names of what is not there; an empty string where nothing is missing."""
    if not sys.platform.startswith("linux"):
        return f"{DEBIAN} (on Linux only)"
    lacking = [package for program, package in PROGRAMS.items() if not shutil.which(program)]
    return " ".join(lacking)


def cache() -> Path:
    """The folder where compiled programs and libraries are kept."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "kerascnn" / "arm"


def tools() -> Tools:
    """Makes what is not there yet.

    Raises:
        UserError: something is missing that cannot be made here.
    """
    if lacking := missing():
        raise UserError(f"needs programs that are not here: apt install {lacking}")
    flags = ["-O2", "-Wall", "-Wno-unused-parameter"]
    return Tools(
        plugin=_compiled("count.c", ["gcc", *flags, "-shared", "-fPIC"], "count.so"),
        harness=_compiled(
            "harness.c", ["aarch64-linux-gnu-gcc", *flags, "-rdynamic"], "harness", "-ldl"
        ),
        litert=_litert(),
        libraries=LIBRARIES,
    )


def _compiled(source, command, name, *libraries):
    digest = hashlib.sha256((HERE / source).read_bytes()).hexdigest()[:16]
    target = cache() / digest / name
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        made = Path(folder) / name
        done = subprocess.run(
            [*command, "-o", str(made), str(HERE / source), *libraries],
            capture_output=True,
            text=True,
        )
        if done.returncode:
            first = (done.stderr.strip().splitlines() or ["no reason given"])[0]
            raise UserError(f"{command[0]} does not compile {source}: {first}")
        made.replace(target)
    return target


def _litert():
    """LiteRT's library for aarch64, of the version that is installed here for this machine."""
    wanted = version("ai-edge-litert")
    target = cache() / f"litert-{wanted}" / "libLiteRt.so"
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--only-binary=:all:", "--platform", PLATFORM, "--dest", folder]
        done = subprocess.run(
            [*command, f"ai-edge-litert=={wanted}"], capture_output=True, text=True
        )
        wheels = list(Path(folder).glob("*.whl"))
        if done.returncode or not wheels:
            lines = done.stderr.strip().splitlines() or ["no reason given"]
            raise UserError(f"LiteRT {wanted} for aarch64 could not be had: {lines[-1][:200]}")
        made = Path(folder) / "libLiteRt.so"
        with zipfile.ZipFile(wheels[0]) as archive:
            made.write_bytes(archive.read(LIBRARY))
        made.replace(target)
    return target

"""The runtimes for browsers, as npm has them: fetched on first use, unpacked, kept."""

import os
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from kerascnn.errors import UserError

VERSIONS = {
    "@litertjs/core": "2.5.3",
    "@litertjs/wasm-utils": "2.5.3",
    "onnxruntime-web": "1.30.0",
}
# What a page needs of each, and what it is called below the page: LiteRT.js with and without
# threads; ONNX Runtime Web's one binary, which has both.
FILES = {
    "@litertjs/core": {
        "dist/index.js": "litert/index.js",
        "wasm/litert_wasm_internal.js": "litert/wasm/litert_wasm_internal.js",
        "wasm/litert_wasm_internal.wasm": "litert/wasm/litert_wasm_internal.wasm",
        "wasm/litert_wasm_compat_internal.js": "litert/wasm/litert_wasm_compat_internal.js",
        "wasm/litert_wasm_compat_internal.wasm": "litert/wasm/litert_wasm_compat_internal.wasm",
        "wasm/litert_wasm_threaded_internal.js": "litert/wasm/litert_wasm_threaded_internal.js",
        "wasm/litert_wasm_threaded_internal.wasm": "litert/wasm/litert_wasm_threaded_internal.wasm",
    },
    "@litertjs/wasm-utils": {"dist/index.js": "litert/wasm-utils.js"},
    "onnxruntime-web": {
        "dist/ort.wasm.min.mjs": "onnxruntime/ort.mjs",
        "dist/ort-wasm-simd-threaded.mjs": "onnxruntime/ort-wasm-simd-threaded.mjs",
        "dist/ort-wasm-simd-threaded.wasm": "onnxruntime/ort-wasm-simd-threaded.wasm",
    },
}
RUNTIMES = {".tflite": ("@litertjs/core", "@litertjs/wasm-utils"), ".onnx": ("onnxruntime-web",)}


def cache() -> Path:
    """The folder where fetched packages are kept."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "kerascnn" / "browser"


def runtime_files(suffix: str) -> dict[str, Path]:
    """What a page that runs files of a suffix needs: its address below the page -> its path.

    Raises:
        UserError: npm is missing, or gives no package.
    """
    found = {}
    for package in RUNTIMES[suffix]:
        folder = _package(package)
        for source, address in FILES[package].items():
            found[address] = folder / source
            if not found[address].is_file():
                raise UserError(f"{package} {VERSIONS[package]} has no {source}")
    return found


def _package(name):
    """The folder of an unpacked package."""
    target = cache() / f"{name.replace('/', '-')}-{VERSIONS[name]}"
    if target.is_dir():
        return target
    npm = shutil.which("npm")
    if npm is None:
        raise UserError(f"{name} is fetched by npm, which is not here: install Node.js")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        done = subprocess.run(
            [npm, "pack", "--silent", f"{name}@{VERSIONS[name]}"],
            cwd=folder,
            capture_output=True,
            text=True,
        )
        archives = list(Path(folder).glob("*.tgz"))
        if done.returncode or not archives:
            lines = done.stderr.strip().splitlines() or ["no reason given"]
            raise UserError(f"npm gives no {name} {VERSIONS[name]}: {lines[-1][:200]}")
        with tarfile.open(archives[0]) as archive:
            archive.extractall(folder, filter="data")
        try:
            (Path(folder) / "package").replace(target)
        except OSError:  # another process was faster
            if not target.is_dir():
                raise
    return target

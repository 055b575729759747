"""LiteRT's GPU delegate on a Vulkan driver in software: what it takes, and whether it is right.

No GPU is needed, and no time is measured: Chromium carries SwiftShader, a Vulkan driver that runs
on the processor. KERASCNN_VULKAN_DRIVER names the .json file of another driver, as of a real GPU.
"""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from kerascnn.errors import UserError

from .lane import Figure, Golden, Lane, Options, Probe, differs, golden

DRIVER = "KERASCNN_VULKAN_DRIVER"
SWIFTSHADER = Path("/usr/lib/chromium/vk_swiftshader_icd.json")
PATIENCE = 300  # seconds; SwiftShader compiles each kernel for the processor
# Runs in a process of its own: a driver that crashes takes no other lane with it.
PROGRAM = """
import os, sys
import numpy as np
from ai_edge_litert.compiled_model import CompiledModel
from ai_edge_litert.hardware_accelerator import HardwareAccelerator as Accelerator
from ai_edge_litert.options import GpuOptions, Options
path, source, target = sys.argv[1:]
both = Accelerator.GPU | Accelerator.CPU
options = Options(hardware_accelerators=both, gpu_options=GpuOptions(enforce_f32=True))
model = CompiledModel.from_file(path, options=options)
signature = next(iter(model.get_signature_list()))
inputs, outputs = model.create_input_buffers(0), model.create_output_buffers(0)
ends = list(model.get_output_tensor_details(signature).values())
made = []
with np.load(source) as stored:
    arrays = [stored[f"arr_{i}"] for i in range(len(stored.files))]
for sample in range(len(arrays[0])):
    for buffer, array in zip(inputs, arrays, strict=True):
        buffer.write(np.ascontiguousarray(array[sample : sample + 1]))
    model.run_by_index(0, inputs, outputs)
    made.append([
        buffer.read(int(np.prod(end["shape"])), np.dtype(end["dtype"])).reshape(end["shape"])
        for buffer, end in zip(outputs, ends, strict=True)
    ])
np.savez(target, *[np.concatenate(parts) for parts in zip(*made, strict=True)])
os._exit(0)
"""
COUNT = re.compile(r"(\d+) operations will run on the GPU, and the remaining (\d+)")
UNSUPPORTED = re.compile(r"^([A-Z][A-Z0-9_]+): (.+)$", re.MULTILINE)
ADAPTER = re.compile(r"Selected adapter: ([^,]+)")
LOG = ("INFO", "ERROR", "WARNING")


class Gpu(Lane):
    """The GPU delegate of LiteRT's wheel, which is WebGPU over Vulkan."""

    name = "gpu-compat"
    title = "LiteRT GPU"
    evidence = "compat"
    unit = "operators on the GPU"
    formats = (".tflite",)
    licence = "Apache-2.0 (LiteRT, SwiftShader)"
    install = "apt install chromium"

    def probe(self) -> Probe:
        if not driver().is_file():
            return Probe(False, missing=f"{self.install}, or {DRIVER}=FILE.json")
        try:
            return Probe(True, {"ai-edge-litert": version("ai-edge-litert")})
        except PackageNotFoundError:
            return Probe(False, missing="pip install ai-edge-litert")

    def bench(self, paths: Sequence[Path], options: Options) -> list[Figure]:
        return [self._figure(Path(path)) for path in paths]

    def _figure(self, path):
        try:
            expected = golden(path)
            expected.refuse_batches("LiteRT's GPU delegate")
            outputs, log = run(path, expected)
        except UserError as error:
            return self.figure(path, "", None, refused=str(error).removeprefix(f"{path}: "))
        found = ADAPTER.search(log)
        details = {"adapter": found.group(1) if found else None, "fallbacks": unsupported(log)}
        if reason := differs(expected, outputs):
            return self.figure(path, "", None, refused=reason, details=details)
        return self.figure(path, "", taken(path, log), details=details)


def driver() -> Path:
    """The description of a Vulkan driver: the one asked for, or Chromium's."""
    return Path(os.environ.get(DRIVER) or SWIFTSHADER)


def run(path: Path, expected: Golden) -> tuple[list[np.ndarray], str]:
    """Runs the golden inputs through the delegate.

    Returns:
        (the outputs, (SAMPLES, ...) each; what LiteRT printed).

    Raises:
        UserError: no driver that it takes, or a file that does not run there.
    """
    libraries = f"{driver().parent}{os.pathsep}{os.environ.get('LD_LIBRARY_PATH', '')}"
    environment = {
        **os.environ,
        "VK_ICD_FILENAMES": str(driver()),
        "LD_LIBRARY_PATH": libraries.rstrip(os.pathsep),
    }
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "in.npz", Path(folder) / "out.npz"
        np.savez(source, *expected.inputs)
        command = [sys.executable, "-P", "-c", PROGRAM, str(path.absolute())]
        try:
            done = subprocess.run(
                [*command, str(source), str(target)],
                capture_output=True,
                text=True,
                errors="replace",
                timeout=PATIENCE,
                env=environment,
            )
        except subprocess.TimeoutExpired:
            raise UserError(f"LiteRT's GPU delegate did not end within {PATIENCE} s") from None
        log = done.stdout + done.stderr
        if not target.exists():
            raise UserError(f"LiteRT's GPU delegate refuses this file: {_reason(log)}")
        with np.load(target, allow_pickle=False) as stored:
            return [stored[f"arr_{i}"] for i in range(len(stored.files))], log


def _reason(log):
    if "No adapters found" in log:
        return f"it takes none of the Vulkan drivers of {driver()}"
    lines = [line for line in log.splitlines() if "rror" in line] or ["it ended without a word"]
    return lines[-1].strip()[:200]


def unsupported(log: str) -> list[tuple[str, str]]:
    """(operator, why, and the tensor it is about) of those that the delegate leaves."""
    return [(kind, why) for kind, why in UNSUPPORTED.findall(log) if kind not in LOG]


def taken(path: Path, log: str) -> int:
    """How many operators run on the GPU: as LiteRT counts them, or all where it leaves none."""
    from ..runtimes.artifact import read_content

    if found := COUNT.search(log):
        return int(found.group(1))
    return sum(operator["count"] for operator in read_content(path).operators)


GPU = Gpu()

"""Files in a headless Chromium: LiteRT.js runs .tflite, ONNX Runtime Web runs .onnx.

A run here is what a page waits for: inputs into the module, the inference, outputs back.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kerascnn.errors import UserError

from ...runtimes import Artifact
from ...runtimes.machine import load_average
from ..lane import SAMPLES, Figure, Golden, Lane, Options, Probe, disagreement, golden
from .packages import VERSIONS, runtime_files
from .server import answer_of, browser, browser_version

HERE = Path(__file__).parent
WARMUP = 10
TABLE = ("float32", "int32", "uint8")  # what LiteRT.js takes and gives


class Browser(Lane):
    """Chromium, with one and with more threads."""

    name = "browser"
    title = "Chromium"
    evidence = "measured"
    unit = "ms"
    formats = (".tflite", ".onnx")
    licence = "Apache-2.0 (LiteRT.js), MIT (ONNX Runtime Web)"
    install = "apt install chromium npm"

    def probe(self) -> Probe:
        if browser() is None:
            return Probe(False, missing="apt install chromium")
        try:
            for suffix in self.formats:
                runtime_files(suffix)
        except UserError as error:
            return Probe(False, missing=str(error))
        return Probe(True, {"chromium": browser_version(), **VERSIONS})

    def bench(self, paths: Sequence[Path], options: Options) -> list[Figure]:
        return [
            self._figure(Path(path), threads, options.runs)
            for path in paths
            for threads in options.threads
        ]

    def _figure(self, path, threads, runs):
        setting = f"{threads} thread{'s' * (threads != 1)}"
        try:
            expected = golden(path)
            answer = run(path, expected, threads=threads, runs=runs)
        except UserError as error:
            return self.figure(path, setting, None, refused=str(error).removeprefix(f"{path}: "))
        found = [
            np.array([sample[place] for sample in answer["outputs"]], array.dtype)
            for place, array in enumerate(expected.outputs)
        ]
        if reason := disagreement(path, expected, found):
            return self.figure(path, setting, None, refused=reason)
        times = np.array(answer["times"])
        details = {
            "median": float(np.median(times)),
            "p90": float(np.percentile(times, 90)),
            "p99": float(np.percentile(times, 99)),
            "minimum": float(np.min(times)),
            "load": load_average(),
            "loading": answer["loading"],
            "first": answer["first"],
            "runs": len(times),
            "threads": threads,
            "browser": answer["browser"],
            "samples": [round(float(t), 4) for t in times],
        }
        return self.figure(path, setting, float(np.median(times)), details=details)


def run(path: Path, expected: Golden, *, threads: int = 1, runs: int = 0) -> dict:
    """Runs the golden inputs of a file in the browser, then times `runs` runs of the first.

    Returns:
        What the page posts: "outputs", a list a sample; "times", "loading" and "first" in ms.

    Raises:
        UserError: no browser, no runtime for it, or a file that does not run there.
    """
    if path.suffix == ".tflite":
        expected.refuse_batches("LiteRT.js")
    with Artifact(path) as artifact:
        inputs, outputs = artifact.inputs, artifact.outputs
    for end in (*inputs, *outputs):
        if path.suffix == ".tflite" and end["dtype"] not in TABLE:
            raise UserError(
                f"LiteRT.js takes and gives {', '.join(TABLE)}, and {end['name']} is of "
                f"{end['dtype']}; write a file with uint8 or float32 ends"
            )
    job = {
        "engine": "litert" if path.suffix == ".tflite" else "onnxruntime",
        "threads": threads,
        "runs": runs,
        "warmup": WARMUP if runs else 0,
        "samples": SAMPLES,
        "inputs": [
            {"name": end["name"], "dtype": end["dtype"], "shape": [1, *end["shape"][1:]]}
            for end in inputs
        ],
        "outputs": [end["name"] for end in outputs],
    }
    samples = [
        np.ascontiguousarray(array[place]).tobytes()
        for place in range(SAMPLES)
        for array in expected.inputs
    ]
    answer = answer_of(
        {
            "page.html": HERE / "page.html",
            "page.js": HERE / "page.js",
            "job.json": json.dumps(job).encode(),
            "inputs": b"".join(samples),
            "model": path,
            **runtime_files(path.suffix),
        }
    )
    if "error" in answer:
        raise UserError(f"the browser refuses this file: {answer['error'][:200]}")
    return answer


BROWSER = Browser()

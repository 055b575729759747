"""All lanes, and files taken through some of them."""

import gzip
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kerascnn.errors import UserError, unknown
from kerascnn.files import readable_file

from ..runtimes.engines import BY_SUFFIX, MOST_BYTES
from ..runtimes.machine import machine
from .android import ANDROID
from .arm import ARM
from .browser import BROWSER
from .clocked import BUILTIN, LITERT, ONNX_RUNTIME, OPENVINO, REFERENCE, TFLM
from .ethos_u import EthosU
from .gpu import GPU
from .lane import Figure, Lane, Options, Probe, digest

LANES: dict[str, Lane] = {
    lane.name: lane
    for lane in (
        LITERT,
        BUILTIN,
        REFERENCE,
        ONNX_RUNTIME,
        OPENVINO,
        BROWSER,
        ANDROID,
        ARM,
        EthosU("u55"),
        EthosU("u65"),
        EthosU("u85"),
        TFLM,
        GPU,
    )
}


def available() -> dict[str, Probe]:
    """What each lane says of this machine."""
    return {name: lane.probe() for name, lane in LANES.items()}


def chosen(text: str) -> list[Lane]:
    """The lanes of a list with commas, or all that this machine has for "all".

    Raises:
        UserError: a name that is none, or a lane that is not here.
    """
    if text == "all":
        return [lane for lane in LANES.values() if lane.probe().available]
    lanes = []
    for name in (part.strip() for part in text.split(",")):
        if name not in LANES:
            raise unknown("lane", name, [*LANES, "all"])
        probe = LANES[name].probe()
        if not probe.available:
            raise UserError(f"the lane {name} is not on this machine: {probe.missing}")
        lanes.append(LANES[name])
    return list(dict.fromkeys(lanes))


def measure(
    paths: Sequence[str | Path],
    lanes: Sequence[Lane],
    options: Options,
    *,
    told: Callable[[str], None] = lambda text: None,
) -> list[Figure]:
    """Takes files through lanes, one lane after another.

    Args:
        paths: .tflite and .onnx files; each goes through the lanes that take its format.
        told: is given the name of each lane before it begins.

    Returns:
        The figures, lane by lane. A file that a lane refuses has one that says why.

    Raises:
        UserError: no such file, or one that is neither .tflite nor .onnx.
    """
    files = [readable_file(path, most=MOST_BYTES) for path in paths]
    for path in files:
        if path.suffix not in BY_SUFFIX:
            raise UserError(f"{path}: expected a .tflite or an .onnx file")
    figures = []
    for lane in lanes:
        taken = [path for path in files if path.suffix in lane.formats]
        if taken:
            told(lane.title)
            figures += lane.bench(taken, options)
    return figures


def record(
    figures: Sequence[Figure], lanes: Sequence[Lane], options: Options, command: str
) -> dict[str, Any]:
    """The figures with all that makes them believable, ready to be written; no single runs."""
    paths = dict.fromkeys(figure.file for figure in figures)
    rows = [asdict(figure) for figure in figures]
    for row in rows:
        row["details"] = {k: v for k, v in row["details"].items() if k != "samples"}
    return {
        "command": command,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "options": asdict(options),
        "lanes": {
            lane.name: {
                "title": lane.title,
                "evidence": lane.evidence,
                "unit": lane.unit,
                "licence": lane.licence,
                "versions": lane.probe().versions,
            }
            for lane in lanes
        },
        "files": [file_facts(path) for path in paths],
        "figures": rows,
    }


def samples(figures: Sequence[Figure]) -> list[dict[str, Any]]:
    """Every single run of the figures that a clock measured, in milliseconds."""
    return [
        {
            "file": figure.file,
            "lane": figure.lane,
            "setting": figure.setting,
            "milliseconds": figure.details["samples"],
        }
        for figure in figures
        if "samples" in figure.details
    ]


def file_facts(path: str | Path) -> dict[str, Any]:
    """Size and, where metadata of this very file stands beside it, accuracy and recipe."""
    from ..proof.metadata import metadata_path  # with it comes Keras, which `doctor` needs not

    path = Path(path)
    data = path.read_bytes()
    facts = {
        "file": str(path),
        "sha256": digest(path),
        "bytes": len(data),
        "gzip_bytes": len(gzip.compress(data, 6)),
        "recipe": None,
        "accuracy": None,
    }
    try:
        metadata = json.loads(metadata_path(path).read_text(encoding="utf-8"))
        if metadata["sha256"] == facts["sha256"]:
            facts["recipe"] = str(metadata["recipe"]["name"])
            known = metadata.get("accuracy") or {}
            split = known.get("test") or known.get("validation") or {}
            facts["accuracy"] = split.get("artifact")
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        pass  # a file of another tool has no metadata of ours
    return facts

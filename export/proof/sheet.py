"""The contract of an artifact: the JSON beside it says what an app must know to use it."""

import gzip
import hashlib
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from kerascnn.errors import UserError
from kerascnn.files import read_json, write_json

TOOLS = ("tensorflow", "keras", "tf2onnx", "onnx", "onnxruntime", "ai-edge-litert", "numpy")
RAW = "raw, 0..255: normalization is inside the file"
PIXELS = {"int8": "raw less 128, -128..127: normalization is inside the file"}


def sheet_path(path):
    """Where the JSON of an artifact stands: model_int8.tflite.json."""
    path = Path(path)
    return path.with_name(path.name + ".json")


def describe(path, artifact, run, recipe, verdict, calibration):
    """Returns the JSON sheet of a file.

    Args:
        path: the file, already written.
        artifact: the same file loaded in its engine.
        run, recipe: what it was made from.
        verdict: the `Verdict` it got.
        calibration: which images ranges were taken from, or None.
    """
    height, width, channels = run.facts["input_shape"]
    made = {
        "model": run.config.model.name,
        "recipe": recipe.model_dump(mode="json"),
        "calibration": calibration,
        "input": {
            **artifact.inputs[0],
            "layout": "NHWC",
            "height": height,
            "width": width,
            "color": "RGB" if channels == 3 else "grey",
            "pixels": PIXELS.get(artifact.inputs[0]["dtype"], RAW),
            "resize": {
                "stretch": "bilinear to height x width, half-pixel centers, aspect not kept",
                "pad": "centered between zeros, not scaled",
            }[run.facts["resize"]],
        },
        "output": {**artifact.outputs[0], "meaning": "logits, one a label", "labels": run.labels},
        "accuracy": {"validation": verdict.accuracy},
    }
    return {**_size(path), **made, **_circumstances(artifact, verdict)}


def describe_own(path, artifact, source, recipe, verdict, prepared):
    """Returns the JSON sheet of a file that was made of a .keras file.

    Args:
        path, artifact, recipe, verdict: as in `describe`.
        source: the .keras file.
        prepared: the `Prepared` that the file agrees with.
    """
    if prepared.pixels:
        values = "raw pixels, 0..255: normalization is inside the file"
    elif artifact.inputs[0]["scale"] is not None:
        values = "what the model takes, as scale x (integer - zero_point)"
    else:
        values = "what the model takes: normalize as it was trained"
    made = {
        "model": prepared.model.name,
        "recipe": recipe.model_dump(mode="json"),
        "source": {
            "file": source.name,
            "sha256": hashlib.sha256(source.read_bytes()).hexdigest(),
            "compared_on": prepared.origin,
        },
        "input": {**artifact.inputs[0], "layout": "as in Keras, batch first", "values": values},
        "outputs": artifact.outputs,
    }
    return {**_size(path), **made, **_circumstances(artifact, verdict)}


def _size(path):
    data = Path(path).read_bytes()
    return {
        "sha256": hashlib.sha256(data).hexdigest(),
        "bytes": len(data),
        "gzip_bytes": len(gzip.compress(data, 9, mtime=0)),
    }


def _circumstances(artifact, verdict):
    return {
        "operators": artifact.operators,
        "minimum_runtime": artifact.minimum_runtime,
        "checks": [check.as_dict() for check in verdict.checks],
        "doubt": verdict.doubt,
        "tools": {"kerascnn": version("kerascnn"), **{name: version(name) for name in TOOLS}},
        "python": platform.python_version(),
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def read_sheet(path):
    """Reads the JSON beside an artifact and makes sure that it speaks of this very file.

    Raises:
        UserError: no sheet, or one of another file.
    """
    path, sheet = Path(path), sheet_path(path)
    if not sheet.exists():
        raise UserError(f"{sheet} is missing; kerascnn convert writes it beside the file")
    facts = read_json(sheet)
    try:
        expected, _, ends = facts["sha256"], facts["recipe"]["name"], facts["input"]
        _ = ends["height"] if path.suffix == ".kcnn" else ends["shape"]
    except (KeyError, TypeError):
        raise UserError(f"{sheet}: not the sheet of an artifact; convert the run again") from None
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != expected:
        raise UserError(
            f"{path}: changed since it was verified (sha256 {found[:12]}, its sheet says "
            f"{str(expected)[:12]}); convert the run again"
        )
    return facts


def refuse_to_replace(path, recipe):
    """UserError where a verified file of another recipe stands at `path`."""
    try:
        maker = read_json(sheet_path(path))["recipe"]["name"]
    except (UserError, KeyError, TypeError):
        return  # nothing there, or a sheet that nobody can use any more
    if maker != recipe.name:
        raise UserError(
            f"{path}: is there already, made by the recipe {maker}; remove it, or write another "
            f"'artifact' in the recipe {recipe.name}"
        )


def amend(path, **facts):
    """Adds what was measured later to the sheet of an artifact."""
    sheet = sheet_path(path)
    write_json(sheet, {**read_json(sheet), **facts})

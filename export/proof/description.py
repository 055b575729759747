"""The metadata beside an artifact: the file, its ends, what it was made of, its checks."""

import hashlib
import platform
import zlib
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from kerascnn.models.graph import functional

from ..conversion.freeze import gives_probabilities
from ..runtimes import Artifact
from .checks import Verdict
from .metadata import CONTRACT
from .reference import Reference
from .resizing import STRETCH, resize_in_words

TOOLS = ("tensorflow", "keras", "tf2onnx", "onnx", "onnxruntime", "ai-edge-litert", "numpy")
PART = 2**20  # bytes
RAW = "raw pixels, 0..255: normalization is inside the file"
RAW_AS_INT8 = "raw pixels less 128, -128..127: normalization is inside the file"


def describe(size: dict, artifact: Artifact, reference: Reference, verdict: Verdict) -> dict:
    """Returns the JSON metadata of a file.

    Args:
        size: what `size_of` says of the file.
        artifact: it, loaded in its engine.
        reference: what it agrees with.
        verdict: the `Verdict` it got.
    """
    subject, recipe = reference.subject, reference.recipe
    names = [x.name for x in functional(reference.model).inputs]
    takes = dict(zip(names, subject.pixels, strict=True))
    described = {
        "contract": CONTRACT,
        "model": subject.name,
        "recipe": recipe.model_dump(mode="json"),
        "calibration": _calibration(recipe),
        "float_layers": reference.float_layers,
        "source": {**subject.source, "compared_on": subject.origin},
        "inputs": [_input(end, takes[end["name"]], subject) for end in artifact.inputs],
        "outputs": [
            {**end, **_meaning(subject, number, reference.model)}
            for number, end in enumerate(artifact.outputs)
        ],
        "accuracy": {"validation": verdict.accuracy} if verdict.accuracy else {},
    }
    return {**size, **described, **_circumstances(artifact, verdict)}


def _calibration(recipe):
    """What the metadata says of the samples that ranges were taken from; None where none were."""
    calibration = recipe.quantization.calibration if recipe.quantization else None
    return calibration and {"samples": calibration.images, "seed": calibration.seed}


def _input(end, pixels, subject):
    facts = {**end, "layout": "as in Keras, batch first", "values": _values(end, pixels)}
    if pixels and len(end["shape"]) == 4:
        _, height, width, channels = end["shape"]
        facts |= {
            "layout": "NHWC",
            "height": height,
            "width": width,
            "color": {1: "grey", 3: "RGB"}.get(channels, f"{channels} channels"),
            "resize": resize_in_words(
                subject.facts.get("resize", STRETCH),
                subject.facts.get("evaluate", ()),
                (height, width),
            ),
        }
    return facts


def are_pixels(values: str) -> bool:
    """Whether an input whose metadata says so of its values takes pixels."""
    return values in (RAW, RAW_AS_INT8)


def _values(end, pixels):
    if pixels:
        return RAW_AS_INT8 if end["dtype"] == "int8" else RAW
    if end["scale"] is not None:
        return "what the model takes, as scale x (integer - zero_point)"
    return "what the model takes: normalize as it was trained"


def _meaning(subject, number, model):
    meaning = subject.meanings[number]
    probable = gives_probabilities(model, number)
    if meaning is None and probable:  # nobody says of what
        return {"meaning": "probabilities", "labels": []}
    if meaning != "classes":
        return {"meaning": meaning or "numbers", "labels": []}
    kind = "probabilities" if probable else "logits"
    return {"meaning": f"{kind}, one a label", "labels": list(subject.labels or ())}


def size_of(path: Path) -> dict[str, str | int]:
    """The "sha256" of a file, its "bytes", and "gzip_bytes", those it has gzipped at level 9.

    The file is read by parts. Other threads run meanwhile: a hundred megabytes take some seconds.
    """
    digest, gzipped, size, packed = hashlib.sha256(), zlib.compressobj(9, wbits=31), 0, 0
    with path.open("rb") as file:
        while part := file.read(PART):
            digest.update(part)
            size += len(part)
            packed += len(gzipped.compress(part))
    packed += len(gzipped.flush())
    return {"sha256": digest.hexdigest(), "bytes": size, "gzip_bytes": packed}


def _circumstances(artifact, verdict):
    return {
        "operators": artifact.operators,
        "minimum_runtime": artifact.minimum_runtime,
        "checks": [check.as_dict() for check in verdict.checks],
        "doubt": verdict.doubt,
        "tools": {"kerascnn": version("kerascnn"), **_versions()},
        "python": platform.python_version(),
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _versions():
    """Name -> version of the tools that are installed: some belong to extras."""
    found = {}
    for name in TOOLS:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found

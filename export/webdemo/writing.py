"""Writes the folder of a page: the page, a runtime for browsers, the file, its metadata."""

import json
import shutil
from pathlib import Path
from typing import Any

from kerascnn.errors import UserError
from kerascnn.files import replacing, writable_folder, write_json

from ..lanes.browser.packages import RUNTIMES, VERSIONS, runtime_files
from ..proof.description import are_pixels
from ..proof.metadata import metadata_path, read_metadata
from ..proof.resizing import resize_in_words, resize_of
from ..proof.schemas import Seal, validated
from ..runtimes.engines import engine_name

HERE = Path(__file__).parent
PAGE = ("index.html", "demo.css", "demo.js", "pixels.js", "engines.js")
TABLE = ("uint8", "float32")  # what a page can fill an input with
MADE = "webdemo.json"  # written last: what the folder holds, and the mark that it is ours
ANSWERS = ("logits, one a label", "probabilities")


def write_webdemo(source: str | Path, out: str | Path) -> Path:
    """Writes a folder that classifies pictures in a browser, without a server's help.

    Any static host serves it. Nothing is fetched from elsewhere, nothing is sent anywhere.

    Args:
        source: a verified .tflite or .onnx classifier of pixels, or a run that has one; of a run
            model_int8.tflite is taken, else the first file.
        out: the folder; it must be new, or one that this function wrote.

    Returns:
        The path of the page, OUT/index.html.

    Raises:
        UserError: a file without metadata, that failed, or that a page cannot feed; a folder with
            other files in it; runtimes for browsers that cannot be had.
    """
    path, out = _artifact(Path(source)), Path(out)
    metadata = read_metadata(path)
    if not validated(Seal, metadata, metadata_path(path), "kerascnn convert").verified:
        raise UserError(f"{path}: did not pass its checks; convert it again")
    facts = _contract(path, metadata)
    if out.exists() and any(out.iterdir()) and not (out / MADE).exists():
        raise UserError(f"{out}: holds other files; give a new folder")
    files = {name: HERE / name for name in PAGE}
    runtime = runtime_files(path.suffix)
    files |= {name: origin for name, origin in runtime.items() if "_threaded_" not in name}
    files[f"model{path.suffix}"] = path
    writable_folder(out)
    for name, origin in files.items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        with replacing(out / name) as temporary:
            shutil.copyfile(origin, temporary)
    write_json(out / "contract.json", facts)
    runtimes = {name: VERSIONS[name] for name in RUNTIMES[path.suffix]}
    write_json(out / MADE, {"files": sorted([*files, "contract.json"]), "runtimes": runtimes})
    return out / "index.html"


def _artifact(source):
    """A file, or the one of a run that a page would show."""
    if not source.is_dir():
        engine_name(source)
        return source
    files = sorted([*source.glob("*.tflite"), *source.glob("*.onnx")])
    best = [path for path in files if path.name == "model_int8.tflite"]
    if not files:
        raise UserError(f"{source}: has no .tflite or .onnx file; kerascnn convert writes one")
    return (best or files)[0]


def _contract(path, metadata) -> dict[str, Any]:
    """What the page must know of a file, out of its metadata."""
    inputs, outputs = metadata["inputs"], metadata["outputs"]
    if len(inputs) != 1 or not are_pixels(str(inputs[0].get("values"))):
        raise UserError(f"{path}: takes no pictures alone, and a page has nothing else to give")
    (image,) = inputs
    if image["dtype"] not in TABLE:
        raise UserError(f"{path}: its input is {image['dtype']}; write it with --io uint8")
    rule, transforms = resize_of(image["resize"])
    if image["resize"] != resize_in_words(rule, transforms, (image["height"], image["width"])):
        raise UserError(f"{path}: its images become {image['resize']}; the page cannot do that")
    answers = [end for end in outputs if end.get("meaning") in ANSWERS]
    if len(outputs) != 1 or not answers:
        raise UserError(f"{path}: gives no classes; the page shows a classifier's answers")
    (answer,) = answers
    count = answer["shape"][-1]
    labels = answer.get("labels") or [f"class {number}" for number in range(count)]
    accuracy = metadata.get("accuracy") or {}
    return json.loads(
        json.dumps(
            {
                "file": f"model{path.suffix}",
                "name": path.name,
                "model": metadata["model"],
                "recipe": metadata["recipe"]["name"],
                "sha256": metadata["sha256"],
                "bytes": metadata["bytes"],
                "accuracy": (accuracy.get("test") or {}).get("artifact"),
                "input": {
                    "name": image["name"],
                    "dtype": image["dtype"],
                    "shape": [1, *image["shape"][1:]],
                    "height": image["height"],
                    "width": image["width"],
                    "grey": image["color"] == "grey",
                    "pad": rule == "pad",
                    "short_side": transforms[0].argument if transforms else None,
                },
                "output": {
                    "name": answer["name"],
                    "scale": answer["scale"],
                    "zero_point": answer["zero_point"],
                    "logits": answer["meaning"].startswith("logits"),
                    "labels": labels,
                },
            }
        )
    )

"""Deep Compression for a run: its shared weights in one small file, decoded before it counts."""

import hashlib
from datetime import UTC, datetime
from math import prod
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from kerascnn.errors import UserError, required
from kerascnn.evaluation import accuracy, predictions
from kerascnn.files import write_bytes, write_json
from kerascnn.training import Run

from ..constraints.kernels import sparsity
from ..proof.checks import Check, Verdict
from ..proof.metadata import metadata_path, refuse_to_replace
from ..recipes.recipe import Recipe, load_recipe
from ..sharing.container import decode, encode
from ..subject.opening import open_subject
from .preparation import compressed_model

SUFFIX = ".kcnn"


def pack(
    run: Run | Path | str, recipe: Recipe | Path | str, *, data_dir: Path | str | None = None
) -> tuple[Path, dict[str, Any], Verdict]:
    """Writes the compressed model of a run as RUN/model_{artifact}.kcnn, its metadata beside it.

    The file is kept if what it decodes to is the model, weight for weight, and gives the same
    logits on the validation images, to the last bit.

    Args:
        run: a `Run`, or the path of its folder.
        recipe: a `Recipe` with a section `clustering`, the name of one that ships, or the path of
            its YAML file. `compress` has been run with it.
        data_dir: as in `train`.

    Returns:
        (path, metadata, `Verdict`): where the file stands, or would stand had it passed, and what
        its JSON says.

    Raises:
        UserError: a recipe or run that does not fit.
    """
    subject = open_subject(run, data_dir=data_dir)
    opened, recipe = required(subject.run), load_recipe(recipe)
    if not recipe.clustering:
        raise UserError(
            f"{recipe.name}: expected a recipe with the section 'clustering', got none; weights "
            "that are not shared have no short codes"
        )
    path = opened.path / f"model_{recipe.artifact}{SUFFIX}"
    refuse_to_replace(path, recipe.name)
    model = compressed_model(subject, recipe)
    data = encode(model)
    decoded = decode(data)
    verdict = _judge(model, decoded, subject, recipe)
    floats = sum(prod(v.shape) for v in model.weights)
    height, width, channels = opened.facts["input_shape"]
    metadata = {
        "sha256": hashlib.sha256(data).hexdigest(),
        "bytes": len(data),
        "float32_bytes": 4 * floats,
        "zeros": sparsity(model),
        "model": opened.config.model.name,
        "recipe": recipe.model_dump(mode="json"),
        "inputs": [{"height": height, "width": width, "channels": channels}],
        "accuracy": {"validation": verdict.accuracy},
        "checks": [check.as_dict() for check in verdict.checks],
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    if verdict.passed:
        write_bytes(path, data)
        write_json(metadata_path(path), metadata)
    else:  # what stood there is no longer that of the model
        for stale in (metadata_path(path), path):
            stale.unlink(missing_ok=True)
    return path, metadata, verdict


def unpack(path: Path | str) -> keras.Model:
    """Reads a .kcnn file.

    Returns:
        The `keras.Model` that was packed: raw pixels -> logits.

    Raises:
        UserError: no such file, one that is damaged, or one that carries code.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"no such file: {path}") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    try:
        return decode(data)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None


def _judge(model, decoded, subject, recipe):
    inputs, (labels,) = subject.samples.inputs, subject.samples.targets
    (expected,), (found,) = predictions(model, inputs), predictions(decoded, inputs)
    arrays = [[ops.convert_to_numpy(v) for v in m.weights] for m in (model, decoded)]
    differing = sum(int((a != b).sum()) for a, b in zip(*arrays, strict=True))
    trained, reached = (accuracy(x, labels) for x in (subject.outputs[0], found))
    drop = round(100 * (trained - reached), 6)
    checks = (
        Check("weights that differ from the model's", differing, "<=", 0),
        Check("largest difference of a logit", float(np.abs(expected - found).max()), "<=", 0.0),
        Check("points of accuracy lost", drop, "<=", recipe.max_drop),
    )
    return Verdict(checks, {"artifact": reached, "trained": trained, "images": len(labels)})

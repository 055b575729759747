"""From a run to verified files: converted, run, compared, and only then given their names."""

import contextlib
from dataclasses import dataclass
from pathlib import Path

from kerascnn.errors import UserError
from kerascnn.files import replacing, writable_folder, write_json
from kerascnn.training import open_run

from ..conversion import convert, refuse_formats
from ..conversion.tflite import METHODS
from ..proof.checks import Verdict
from ..proof.sheet import describe, refuse_to_replace, sheet_path
from ..proof.verification import judge, reference
from ..quantization.calibration import calibration_images
from ..recipes.recipe import load_recipe
from ..recipes.stages import SIMULATED
from ..runtimes import Artifact
from .compress import prepared


@dataclass(frozen=True)
class Delivery:
    """path: where the file stands, or would stand had it passed. verdict: what was found."""

    path: Path
    verdict: Verdict
    engine: str


class _Rejected(Exception):
    """Leaves `replacing` without the renaming."""


def deliver(run, recipe, formats, *, batch=1, io=None, opset=None, data_dir=None):
    """Converts the model of a run, and keeps the files that prove equal to it.

    What a recipe does without training is done here; what trains, `compress` has done before.

    Args:
        run: a `Run`, or the path of its folder.
        recipe: a `Recipe`, the name of one that ships, or the path of its YAML file.
        formats: "tflite", "onnx".
        batch: images at a time; None for any number.
        io, opset: of int8 .tflite files, and of .onnx files; see `export.convert`.
        data_dir: as in `train`.

    Returns:
        A `Delivery` for each format. A file that failed is not there.

    Raises:
        UserError: a recipe, run or layer that does not fit, or a file of another recipe that
            would be replaced.
    """
    run = open_run(run)
    recipe = load_recipe(recipe)
    refuse_formats(recipe.method, formats, batch=batch, io=io, opset=opset)
    if io is not None and recipe.method not in SIMULATED:
        raise UserError(f"{recipe.name}: io {io!r} is a choice of int8 files, which it makes none")
    paths = {kind: run.path / f"model_{recipe.artifact}.{kind}" for kind in formats}
    for path in paths.values():
        refuse_to_replace(path, recipe)
    data = run.data(data_dir)
    trained = run.model()
    model = prepared(trained, run, recipe, data)
    writable_folder(run.path)
    expected = reference(trained, model, data.validation, data)
    options = _converter_options(recipe, data)
    calibration = _calibration_facts(recipe, data)
    deliveries = []
    for kind, path in paths.items():
        version = opset if kind == "onnx" else None
        made = convert(model, kind, batch=batch, io=io, opset=version, **options)
        deliveries.append(
            keep(
                path,
                made,
                lambda artifact: judge(artifact, expected, recipe),
                lambda file, artifact, verdict: describe(
                    file, artifact, run, recipe, verdict, calibration
                ),
            )
        )
    return deliveries


def keep(path, made, judged, described):
    """Writes a file and its sheet, if the file passes; what stood there before is gone either way.

    Args:
        path: where. made: the bytes.
        judged: artifact -> `Verdict`.
        described: (file, artifact, verdict) -> the sheet.
    """
    for stale in (path, sheet_path(path)):
        stale.unlink(missing_ok=True)
    with contextlib.suppress(_Rejected), replacing(path) as temporary:
        temporary.write_bytes(made)
        with Artifact(temporary) as artifact:
            verdict = judged(artifact)
            delivery = Delivery(path, verdict, artifact.title)
            if not verdict.passed:
                raise _Rejected
            write_json(sheet_path(path), described(temporary, artifact, verdict))
    return delivery


def _converter_options(recipe, data):
    """What `convert` is told beside the model: the method, where the converter quantizes."""
    if recipe.method not in METHODS:
        return {}
    calibration = recipe.quantization.calibration
    images = data.pixels(calibration_images(data, calibration)) if calibration else None
    return {"method": recipe.method, "images": images}


def _calibration_facts(recipe, data):
    """What the sheet says of the images that ranges were taken from; None where none were."""
    calibration = recipe.quantization.calibration if recipe.quantization else None
    if calibration is None:
        return None
    images = min(calibration.images, len(data.train))
    return {"split": "training", "augmented": False, "images": images, "seed": calibration.seed}

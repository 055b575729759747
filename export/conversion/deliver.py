"""From a run to verified files: converted, run, compared, and only then given their names."""

from dataclasses import dataclass
from pathlib import Path

from export.artifact import describe, sheet_path
from export.compression.compress import compressed_model
from export.compression.recipe import Recipe, load_recipe
from export.conversion import convert
from export.runtimes import Artifact
from export.verification import Verdict, judge, reference
from kerascnn.files import replacing, writable_folder, write_json
from kerascnn.training import open_run


@dataclass(frozen=True)
class Delivery:
    """path: where the file stands, or would stand had it passed. verdict: what was found."""

    path: Path
    verdict: Verdict
    engine: str


class _Rejected(Exception):
    """Leaves `replacing` without the renaming."""


def deliver(run, recipe, formats, *, batch=1, data_dir=None):
    """Converts the model of a run, and keeps the files that prove equal to it.

    Args:
        run: a `Run`, or the path of its folder.
        recipe: a `Recipe`, the name of one that ships, or the path of its YAML file.
        formats: "tflite", "onnx".
        batch: images at a time; None for any number.
        data_dir: as in `train`.

    Returns:
        A `Delivery` for each format. A file that failed is not there.

    Raises:
        UserError: a recipe, run or layer that does not fit.
    """
    run = open_run(run) if not hasattr(run, "config") else run
    recipe = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
    model = compressed_model(run, recipe) if recipe.compresses else run.model()
    data = run.data(data_dir)
    writable_folder(run.path)
    expected = reference(run, recipe, data.validation, data)
    deliveries = []
    for kind in formats:
        path = run.path / f"model_{recipe.artifact}.{kind}"
        made = convert(model, kind, batch=batch)
        for stale in (path, sheet_path(path)):
            stale.unlink(missing_ok=True)
        try:
            with replacing(path) as temporary:
                temporary.write_bytes(made)
                with Artifact(temporary) as artifact:
                    verdict = judge(artifact, expected, recipe)
                    deliveries.append(Delivery(path, verdict, artifact.title))
                    if not verdict.passed:
                        raise _Rejected
                    write_json(
                        sheet_path(path), describe(temporary, artifact, run, recipe, verdict)
                    )
        except _Rejected:
            continue
    return deliveries

"""The files of a run that a report is made from, read and validated by `schemas`."""

from pathlib import Path
from typing import Any

from kerascnn.config import parse, read_yaml
from kerascnn.errors import UserError
from kerascnn.files import read_json
from kerascnn.training import Run
from kerascnn.training.history import read_history

from ..proof.metadata import metadata_path, read_metadata
from ..proof.schemas import (
    Benchmark,
    EvaluationRecord,
    Metadata,
    Outcome,
    PackedMetadata,
    validated,
)
from ..recipes.recipe import Recipe
from ..runtimes.engines import BY_SUFFIX

COLUMNS = ("epoch", "accuracy", "loss", "val_accuracy", "val_loss", "learning_rate")
STAGES = ("channels", "pruning", "clustering", "quantization")


def read_outcome(run: Run, remedy: str) -> Outcome:
    """What RUN/run.json says of the training; a UserError names `remedy`, which makes it anew."""
    return _read(Outcome, run.path / "run.json", remedy)


def read_evaluation(run: Run, remedy: str) -> EvaluationRecord | None:
    """RUN/evaluation.json, or None where it is missing; it must fit the labels of the run."""
    path, classes = run.path / "evaluation.json", len(run.labels)
    if not path.exists():
        return None
    found = _read(EvaluationRecord, path, remedy)
    if [len(line) for line in found.confusion] != [classes] * classes:
        lengths = " or ".join(map(str, sorted({len(line) for line in found.confusion})))
        raise UserError(
            f"{path}: expected a confusion matrix of {classes}x{classes}, a row a label, got "
            f"{len(found.confusion)} rows of {lengths}; {remedy} makes it anew"
        )
    if found.counts.min() < 0 or found.counts.sum() != found.images:
        raise UserError(
            f"{path}: expected a confusion matrix that counts {found.images} images, "
            f"got {found.counts.sum()}; {remedy} makes it anew"
        )
    return found


def read_benchmark(run: Run, remedy: str) -> Benchmark | None:
    """RUN/benchmark.json, or None where it is missing."""
    path = run.path / "benchmark.json"
    return _read(Benchmark, path, remedy) if path.exists() else None


def read_curves(path: Path, epochs: int, remedy: str) -> list[dict[str, float]]:
    """The rows of a history.csv, one for each of so many epochs, with the numbers to draw."""
    if not path.exists():
        raise UserError(f"{path} is missing; {remedy} makes it")
    try:
        rows = read_history(path)
    except UserError:
        rows = []
    if len(rows) != epochs or any(column not in rows[0] for column in COLUMNS):
        raise UserError(
            f"{path}: expected {epochs} rows of numbers, with {', '.join(COLUMNS)}, "
            f"got {len(rows)}; {remedy} makes it anew"
        )
    return rows


def read_stages(run: Run) -> list[tuple[Any, str, list[dict[str, float]]]]:
    """((recipe, name of the stage, rows of its history), ...) of a compressed run."""
    found = []
    for path in sorted(run.path.glob("*/recipe.yaml")):
        recipe = parse(Recipe, read_yaml(path), path)
        remedy = f"kerascnn compress {run.path} --recipe {recipe.name}"
        for stage in STAGES:
            part = getattr(recipe, stage)
            if part and part.fine_tune:
                history = path.parent / stage / "history.csv"
                rows = read_curves(history, part.fine_tune.epochs, remedy)
                found.append((recipe.name, stage, rows))
    return found


def read_all_metadata(run: Run) -> dict[Path, Metadata]:
    """path -> `Metadata` of every artifact of a run that has one."""
    found = {}
    for metadata in sorted(run.path.glob("model_*.json")):
        path = metadata.with_suffix("")
        if path.suffix not in BY_SUFFIX:
            continue
        if not path.exists():
            raise UserError(f"{path} is missing, but its metadata is there; convert the run again")
        found[path] = record = validated(
            Metadata, read_metadata(path), metadata, f"kerascnn convert {run.path}"
        )
        shape = [record.input.height, record.input.width]
        if list(record.output.labels) != run.labels or shape != run.facts["input_shape"][:2]:
            raise UserError(
                f"{metadata}: its labels or its input are not those of {run.path}/run.json; "
                "convert the run again"
            )
    return found


def read_packed(run: Run) -> dict[Path, PackedMetadata]:
    """path -> `PackedMetadata` of every .kcnn file of a run."""
    found = {}
    for path in sorted(run.path.glob("model_*.kcnn")):
        remedy = f"kerascnn pack {run.path}"
        found[path] = validated(PackedMetadata, read_metadata(path), metadata_path(path), remedy)
    return found


def without_metadata(run: Run) -> list[str]:
    """The names of artifacts beside which no metadata stands."""
    files = (p for p in sorted(run.path.glob("model_*")) if p.suffix in BY_SUFFIX)
    return [p.name for p in files if not metadata_path(p).exists()]


def _read(schema, path, remedy):
    return validated(schema, read_json(path), path, remedy)

"""The files of a run that a report is made from, read and validated: a field here is a promise."""

from pathlib import Path

import numpy as np
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from export.artifact import read_sheet, sheet_path
from export.compression.recipe import Recipe
from export.runtimes.engines import BY_SUFFIX
from kerascnn.config import parse, read_yaml
from kerascnn.errors import UserError
from kerascnn.files import read_json
from kerascnn.training.callbacks import read_history

COLUMNS = ("epoch", "accuracy", "loss", "val_accuracy", "val_loss", "learning_rate")
STAGES = ("channels", "pruning", "clustering", "quantization")


class Record(BaseModel):
    """What is read of a JSON file; what else stands in it is left alone."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Tensor(Record):
    """One end of an artifact. scale, zero_point: None where it is not quantized."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    scale: float | None
    zero_point: int | None


class InputTensor(Tensor):
    layout: str
    height: int
    width: int
    color: str
    pixels: str
    resize: str


class OutputTensor(Tensor):
    meaning: str
    labels: tuple[str, ...]


class Operator(Record):
    name: str
    version: int | None
    count: int


class CheckRecord(Record):
    name: str
    measured: float
    comparison: str
    limit: float
    passed: bool


class Measured(Record):
    """artifact: the share of `images` that it labels rightly."""

    artifact: float
    images: int


class Accuracies(Record):
    validation: Measured
    test: Measured | None = None


class Sheet(Record):
    """The JSON beside an artifact, as `export.artifact.describe` writes it."""

    bytes: int
    gzip_bytes: int
    recipe: Recipe
    input: InputTensor
    output: OutputTensor
    operators: tuple[Operator, ...]
    minimum_runtime: str | None
    accuracy: Accuracies
    checks: tuple[CheckRecord, ...]
    doubt: str | None = None
    made: AwareDatetime

    @property
    def verified(self):
        return bool(self.checks) and all(check.passed for check in self.checks)


class PackedSheet(Record):
    """The JSON beside a .kcnn file, as `export.compression.packing.pack` writes it.

    zeros: the share of the weights of convolutions and dense layers that pruning set to zero.
    """

    bytes: int
    float32_bytes: int
    zeros: float
    recipe: Recipe
    accuracy: Accuracies
    checks: tuple[CheckRecord, ...]
    made: AwareDatetime


class TimingRecord(Record):
    file: str
    engine: str
    version: str
    threads: int
    cores: tuple[int, ...] | None
    runs: int
    median: float
    p90: float
    minimum: float


class Machine(Record):
    cpu: str
    cores: int
    system: str


class Benchmark(Record):
    """benchmark.json, as `export.benchmarking.as_json` gives it."""

    evidence: str
    machine: Machine
    date: AwareDatetime
    timings: tuple[TimingRecord, ...]

    @property
    def conditions(self):
        """Each engine with its version, threads, cores and runs, in words."""
        return sorted({
            f"{t.engine} {t.version}, {t.threads} thread{'s' * (t.threads != 1)}"
            + (f" on core {', '.join(map(str, t.cores))}" if t.cores else ", not pinned")
            + f", {t.runs} runs"
            for t in self.timings
        })  # fmt: skip

    def timing(self, path, sheet):
        """The timing of a file; None if there is none, or one older than the file."""
        named = [t for t in self.timings if Path(t.file).name == path.name]
        return named[-1] if named and self.date >= sheet.made else None


class EvaluationRecord(Record):
    """evaluation.json, as `kerascnn.evaluation.evaluate` writes it."""

    images: int = Field(ge=1)
    top1: float
    top5: float | None
    confusion: tuple[tuple[int, ...], ...]

    @property
    def counts(self):
        """(classes, classes): rows the truth, columns the answer."""
        return np.array(self.confusion)

    def mistakes(self, labels):
        """(truth, answer, images) of every pair of classes mistaken, the commonest first."""
        wrong = [
            (labels[row], labels[column], images)
            for row, line in enumerate(self.confusion)
            for column, images in enumerate(line)
            if images and row != column
        ]
        return sorted(wrong, key=lambda mistake: -mistake[2])


class Outcome(Record):
    """What run.json says of the training, as far as it says it."""

    best_epoch: int | None = None
    validation_accuracy: float | None = None
    images: dict[str, int] = {}


def read(schema, path, remedy):
    """Reads a JSON file as `schema`; a UserError that names the command `remedy` if it is none."""
    return _validated(schema, read_json(path), path, remedy)


def read_evaluation(run, remedy):
    """RUN/evaluation.json, or None where it is missing; it must fit the labels of the run."""
    path, classes = run.path / "evaluation.json", len(run.labels)
    if not path.exists():
        return None
    found = read(EvaluationRecord, path, remedy)
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


def read_benchmark(run, remedy):
    """RUN/benchmark.json, or None where it is missing."""
    path = run.path / "benchmark.json"
    return read(Benchmark, path, remedy) if path.exists() else None


def read_curves(path, epochs, remedy):
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


def read_stages(run):
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


def read_sheets(run):
    """path -> `Sheet` of every artifact of a run that has one."""
    found = {}
    for sheet in sorted(run.path.glob("model_*.json")):
        path = sheet.with_suffix("")
        if path.suffix not in BY_SUFFIX:
            continue
        if not path.exists():
            raise UserError(f"{path} is missing, but its sheet is there; convert the run again")
        found[path] = record = _validated(
            Sheet, read_sheet(path), sheet, f"kerascnn convert {run.path}"
        )
        shape = [record.input.height, record.input.width]
        if list(record.output.labels) != run.labels or shape != run.facts["input_shape"][:2]:
            raise UserError(
                f"{sheet}: its labels or its input are not those of {run.path}/run.json; "
                "convert the run again"
            )
    return found


def read_packed(run):
    """path -> `PackedSheet` of every .kcnn file of a run."""
    found = {}
    for path in sorted(run.path.glob("model_*.kcnn")):
        remedy = f"kerascnn pack {run.path}"
        found[path] = _validated(PackedSheet, read_sheet(path), sheet_path(path), remedy)
    return found


def without_sheet(run):
    """The names of artifacts beside which no sheet stands."""
    files = (p for p in sorted(run.path.glob("model_*")) if p.suffix in BY_SUFFIX)
    return [p.name for p in files if not sheet_path(p).exists()]


def _validated(schema, tree, path, remedy):
    try:
        return parse(schema, tree, path)
    except UserError as error:
        raise UserError(f"{error}; {remedy} makes it anew") from None

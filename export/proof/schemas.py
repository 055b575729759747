"""What stands in the JSON files of a run, as far as it is read: a field here is a promise."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from kerascnn.config import parse
from kerascnn.errors import UserError

from ..recipes.recipe import Recipe

Schema = TypeVar("Schema", bound=BaseModel)


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
    """height, width, color, resize: of an input of pixels."""

    layout: str
    values: str
    height: int | None = None
    width: int | None = None
    color: str | None = None
    resize: str | None = None


class OutputTensor(Tensor):
    meaning: str
    labels: tuple[str, ...]


class Interface(Record):
    """What any artifact's JSON says of its ends."""

    inputs: tuple[InputTensor, ...] = Field(min_length=1)
    outputs: tuple[OutputTensor, ...] = Field(min_length=1)


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


class Seal(Record):
    """What every artifact's JSON says, of a run or of a .keras file."""

    sha256: str
    bytes: int
    model: str
    checks: tuple[CheckRecord, ...]
    minimum_runtime: str | None = None

    @property
    def verified(self) -> bool:
        return bool(self.checks) and all(check.passed for check in self.checks)


class Metadata(Seal):
    """The JSON beside an artifact of a run, as `export.proof.metadata.describe` writes it."""

    gzip_bytes: int
    recipe: Recipe
    inputs: tuple[InputTensor, ...] = Field(min_length=1)
    outputs: tuple[OutputTensor, ...] = Field(min_length=1)
    operators: tuple[Operator, ...]
    minimum_runtime: str | None  # pyright: ignore[reportGeneralTypeIssues]
    accuracy: Accuracies
    doubt: str | None = None
    made: AwareDatetime

    @property
    def input(self) -> InputTensor:
        """The first input: a classifier has no other."""
        return self.inputs[0]

    @property
    def output(self) -> OutputTensor:
        """The first output."""
        return self.outputs[0]


class PackedMetadata(Record):
    """The JSON beside a .kcnn file, as `export.delivery.packing.pack` writes it.

    zeros: the share of the weights of convolutions and dense layers that pruning set to zero.
    """

    bytes: int
    float32_bytes: int
    zeros: float
    recipe: Recipe
    accuracy: Accuracies
    checks: tuple[CheckRecord, ...]
    made: AwareDatetime


class StagedRecord(Record):
    file: str
    metadata: str


class StagingIndex(Record):
    """models.json in a folder of staged models, as far as `stage` reads it again."""

    models: tuple[StagedRecord, ...]
    staging: tuple[str, ...] = ()

    @property
    def names(self) -> set[str]:
        """Of all files that staging put there, or was about to."""
        return {
            *self.staging,
            *(name for entry in self.models for name in (entry.file, entry.metadata)),
        }


class PinnedRuntimes(Record):
    """runtimes.json in a folder of staged models: what the app runs them by, name and version."""

    runtimes: dict[str, str]


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
    """benchmark.json, as `export.runtimes.benchmarking.record` gives it."""

    evidence: str
    machine: Machine
    date: AwareDatetime
    timings: tuple[TimingRecord, ...]

    @property
    def conditions(self) -> list[str]:
        """Each engine with its version, threads, cores and runs, in words."""
        return sorted(
            {
                f"{t.engine} {t.version}, {t.threads} thread{'s' * (t.threads != 1)}"
                + (f" on core {', '.join(map(str, t.cores))}" if t.cores else ", not pinned")
                + f", {t.runs} runs"
                for t in self.timings
            }
        )

    def timing(self, path: Path | str, metadata: Metadata) -> TimingRecord | None:
        """The timing of a file; None if there is none, or one older than the file."""
        named = [t for t in self.timings if Path(t.file).name == Path(path).name]
        return named[-1] if named and self.date >= metadata.made else None


class EvaluationRecord(Record):
    """evaluation.json, as `kerascnn.evaluation.evaluate` writes it."""

    images: int = Field(ge=1)
    top1: float
    top5: float | None
    confusion: tuple[tuple[int, ...], ...]

    @property
    def counts(self) -> np.ndarray:
        """(classes, classes): rows the truth, columns the answer."""
        return np.array(self.confusion)

    def mistakes(self, labels: Sequence[str]) -> list[tuple[str, str, int]]:
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


def validated(schema: type[Schema], tree: Any, path: Path | str, remedy: str) -> Schema:
    """`tree`, read from `path`, as a `schema`; a UserError names `remedy`, which makes it anew."""
    try:
        return parse(schema, tree, path)
    except UserError as error:
        raise UserError(f"{error}; {remedy} makes it anew") from None

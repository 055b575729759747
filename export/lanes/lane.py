"""What every lane is: a place where a file may run, and a kind of evidence for what it costs."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from kerascnn.errors import UserError

from ..runtimes import Artifact

Evidence = Literal["measured", "counted", "modelled", "compat"]
MEANING = {
    "measured": "by a clock, on this machine",
    "counted": "instructions, the same in every run",
    "modelled": "what a compiler estimates; nothing ran",
    "compat": "whether it runs there, and what it needs",
}
SAMPLES = 4  # inputs on which a lane's outputs are compared with LiteRT's or ONNX Runtime's


@dataclass(frozen=True)
class Probe:
    """Whether a lane is there. missing: what to install, in words, where it is not."""

    available: bool
    versions: dict[str, str] = field(default_factory=dict)
    missing: str = ""


@dataclass(frozen=True)
class Placement:
    """Where the operators of a file run: name -> how many. fallbacks: those that the lane's own
    kernels do not take, as (operator, the tensor it makes)."""

    taken: dict[str, int]
    fallbacks: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Figure:
    """What a lane says of a file in one setting.

    value: of `unit`; None where `refused` says why there is none. details: what else it tells.
    """

    file: str
    sha256: str
    lane: str
    setting: str
    evidence: Evidence
    unit: str
    value: float | None
    refused: str = ""
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Options:
    """runs, threads: of a clock; lanes that count or model leave them alone. sustained: minutes
    to go on measuring, 0 for none. operators: whether lanes that can say what each operator takes
    do so."""

    runs: int = 100
    threads: tuple[int, ...] = (1,)
    sustained: float = 0.0
    operators: bool = False


class Lane(ABC):
    """A place where files run. Nothing heavy is imported before it is asked something.

    name: as --lanes takes it. formats: suffixes of the files it takes. licence: of what it needs.
    install: how it comes onto a machine.
    """

    name: str
    title: str
    evidence: Evidence
    unit: str
    formats: tuple[str, ...]
    licence: str
    install: str

    @abstractmethod
    def probe(self) -> Probe:
        """Says whether this machine has it."""

    @abstractmethod
    def bench(self, paths: Sequence[Path], options: Options) -> list[Figure]:
        """Returns the figures of these files; a file that it refuses gets one that says so."""

    def check(self, path: Path) -> Placement | None:
        """Says which operators run where; None where the lane does not tell."""
        return None

    def figure(self, path: Path, setting: str, value: float | None, **facts: Any) -> Figure:
        """A `Figure` of this lane."""
        return Figure(
            file=str(path),
            sha256=digest(path),
            lane=self.name,
            setting=setting,
            evidence=self.evidence,
            unit=self.unit,
            value=value,
            **facts,
        )


def digest(path: Path) -> str:
    """The sha256 of a file, in hexadecimal."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


@dataclass(frozen=True)
class Golden:
    """Inputs, and what the runtime that `verify` trusts makes of them.

    inputs, outputs: an array an end, (SAMPLES, ...). scales: that of each output that is
    quantized, else None. batched: whether the file leaves open how many samples it takes.
    """

    inputs: list[np.ndarray]
    outputs: list[np.ndarray]
    scales: list[float | None]
    batched: bool = False

    def refuse_batches(self, title: str) -> None:
        """UserError for a lane that has no way to say how many samples come."""
        if self.batched:
            raise UserError(f"{title} takes files of one sample; write it with --batch 1")


def golden(path: Path) -> Golden:
    """Runs a file on made-up inputs, as LiteRT or ONNX Runtime runs it by default.

    Raises:
        UserError: it does not run there.
    """
    from ..runtimes.made_up import made_up

    with Artifact(path) as artifact:
        artifact.refuse_unknown(artifact.inputs)
        rng = np.random.default_rng(0)
        inputs = []
        for end in artifact.inputs:
            if any(n < 1 for n in end["shape"][1:]):
                raise UserError(f"{path}: has inputs of open sizes; write a file of fixed ones")
            inputs.append(made_up(end, (SAMPLES, *end["shape"][1:]), rng))
        outputs = artifact.run(inputs)
        batched = any(end["shape"][:1] == [-1] for end in artifact.inputs)
        return Golden(inputs, outputs, [end["scale"] for end in artifact.outputs], batched)


def disagreement(path: Path, expected: Golden, found: Sequence[np.ndarray]) -> str:
    """Says how outputs of a file are wrong; an empty string where they are not.

    One step is allowed, see `differs`. Behind a softmax a step becomes many, and each kernel set of
    LiteRT gives others: there, a lane may be as far from the golden outputs as they are.
    """
    reason = differs(expected, found)
    if not reason or Path(path).suffix != ".tflite" or "steps" not in reason:
        return reason
    kernels = []
    for engine in ("litert", "litert-builtin", "litert-reference"):
        with Artifact(path, engine=engine) as artifact:
            kernels.append(artifact.run(expected.inputs))
    apart = max(1, *(_apart(kernels[0], other) for other in kernels[1:]))
    reason = differs(expected, found, steps=apart)
    return reason and f"{reason}, where LiteRT's own kernels do by {apart}"


def _apart(one, other):
    """The most steps between integer outputs."""
    pairs = [pair for pair in zip(one, other, strict=True) if pair[0].dtype.kind in "iu"]
    return max((int(np.abs(a.astype(int) - b.astype(int)).max()) for a, b in pairs), default=0)


def differs(expected: Golden, found: Sequence[np.ndarray], steps: int = 1) -> str:
    """Says how outputs differ from the golden ones; an empty string where they do not.

    Integers may be one step apart: kernels round a requantization in two ways. Floats may be
    1e-4 of the largest apart: kernels add in another order.

    Args:
        steps: that integers may be apart.
    """
    if len(found) != len(expected.outputs):
        return f"{len(found)} outputs where {len(expected.outputs)} are right"
    for wanted, got in zip(expected.outputs, found, strict=True):
        if wanted.size != got.size:
            return f"an output of {got.shape} where {wanted.shape} is right"
        a, b = wanted.astype(np.float64).ravel(), got.astype(np.float64).ravel()
        apart = np.abs(a - b).max(initial=0.0)
        if not np.isfinite(b).all():
            return "outputs that are not finite"
        most = (
            float(steps)
            if wanted.dtype.kind in "iu"
            else 1e-4 * max(1.0, np.abs(a).max(initial=0.0))
        )
        if apart > most:
            unit = " steps" if wanted.dtype.kind in "iu" else ""
            return f"outputs that differ from the verified ones by {apart:.3g}{unit}"
    return ""

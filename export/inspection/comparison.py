"""How far a file is from a Keras model or from another file: `export.compare`."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from kerascnn.errors import UserError, required, unknown

from ..proof.checks import (
    AGREEMENT,
    FLOAT_TOLERANCE,
    KEPT,
    LABELS_KEPT,
    NOISE,
    Check,
    Verdict,
    agreement,
    hardly_change,
    in_steps,
    near_the_simulation,
    noise,
    proves_little,
)
from ..proof.reference import AS_IT_IS
from ..proof.verification import TURNED, in_values
from ..runtimes import Artifact
from ..runtimes.content import Island
from ..runtimes.engines import BY_SUFFIX
from .alignment import run_aligned
from .expectation import Expected, of_file, of_model

# What a file of whole integers may add, as a share of the outputs' spread, where no simulation says
# what its integers should be. Weights and activations of 8 bits are off by a percent or two in each
# layer, and whoever made the file chose the ranges; a wrong layer costs half of the spread or more.
WHOLE = 0.25
ALLOWED = {**NOISE, "int8": WHOLE}
LABELS = {**KEPT, "int8": LABELS_KEPT}
COARSE = ("float32", "float16", "int16x8", "dynamic", "int8")  # the finest arithmetic first


@dataclass(frozen=True)
class Difference:
    """One output of a file against the model's.

    name: of the model's, called: of the file's. largest: in the units of the output. noise: the
    root mean square of the differences, as a share of the spread. step: of the file's integers, as
    they stand at the end or behind it; None where there are none, and then there are no
    `most_steps`, `mean_steps` and `within_a_step` (a share).
    """

    name: str
    called: str
    dtype: str
    largest: float
    noise: float
    step: float | None = None
    most_steps: int | None = None
    mean_steps: float | None = None
    within_a_step: float | None = None


@dataclass(frozen=True)
class Comparison(Verdict):
    """A `Verdict` on a file that anybody wrote.

    differences: output by output. islands: what computes in float in an int8 file. notes: what was
    done to compare them, as transposing. samples: how many were compared, noise: made up ones.
    """

    differences: tuple[Difference, ...] = ()
    islands: tuple[Island, ...] = ()
    notes: tuple[str, ...] = ()
    samples: int = 0
    noise: bool = False


def compare(
    path: str | Path,
    against: Any,
    evidence: Any = None,
    *,
    names: Mapping[str, str] | None = None,
    images: str | Path | None = None,
    **about: Any,
) -> Comparison:
    """Runs a file that any tool wrote beside a Keras model or another file, and compares them.

    Inputs and outputs are paired by name, and where those differ by shape and dtype. Where the
    shapes say that one has its channels first and the other last, arrays are transposed.

    Args:
        path: a .tflite or .onnx file.
        against: a Keras model, a .keras file, a run, or a .tflite or .onnx file.
        evidence: what both are given. For a model see `samples_of`; with targets, what the file
            loses of the metric decides. For a file an array an input, alone, in a list, or in a
            dict by names. None compares on noise.
        names: name in the file -> name in the model, of inputs and outputs that nothing else tells.
        images: in place of the evidence, a folder of images or an .npy or .npz file.
        about: of a model, as `open_subject` takes it.

    Returns:
        A `Comparison`.

    Raises:
        UserError: files and models that cannot be run, or whose ends do not fit each other.
    """
    with Artifact(path) as artifact:
        _refuse_unknown(names or {}, artifact)
        if isinstance(against, str | Path) and Path(against).suffix in BY_SUFFIX:
            for name in (name for name, value in about.items() if value):
                raise UserError(f"{against}: {name} is for a Keras model")
            expected = of_file(against, evidence, artifact, names=names, images=images)
        else:
            expected = of_model(against, evidence, artifact, names=names, images=images, **about)
        return judge_foreign(artifact, expected, names)


def _refuse_unknown(names, artifact):
    ends = (*artifact.content.inputs, *artifact.content.outputs)
    known = [name for end in ends for name in (end.alias, end.name) if name]
    for name in names:
        if name not in known:
            raise unknown(f"input or output of {artifact.path}", name, known)


def judge_foreign(
    artifact: Artifact, expected: Expected, names: Mapping[str, str] | None = None
) -> Comparison:
    """Runs a loaded file on what is expected of it, and compares every output.

    float32: within 1e-4 of the largest output, or of 1. Coarser arithmetic, of either: noise within
    `ALLOWED`, and labels that stay. Against a simulation of int8: within a step, as ours.
    Where a metric and targets are there, what the file loses decides, and labels only inform.
    """
    wanted = list(zip(expected.output_names, expected.outputs, strict=True))
    found = run_aligned(
        artifact,
        expected.inputs,
        expected.values,
        wanted,
        calls=expected.calls,
        model=expected.name,
        names=names,
        ordered=expected.subject is not None,
    )
    values = [in_values(y, end) for y, end in zip(found.outputs, found.ends, strict=True)]
    arithmetic = max(artifact.content.arithmetic, expected.arithmetic, key=COARSE.index)
    subject, checks, differences, blind = expected.subject, [], [], []
    before = after = None
    if subject is not None:
        shaped = [y.reshape(e.shape) for y, e in zip(values, expected.outputs, strict=True)]
        before, after = subject.figure(subject.outputs), subject.figure(shaped)
    rule = _Rule(expected, arithmetic, after is not None)
    for number, (name, whole) in enumerate(wanted):
        y, end = found.outputs[number], found.ends[number]
        e = whole.reshape(y.shape)
        suffix = f", {name}" if len(wanted) > 1 else ""
        judged = rule.checks(number, y, e, end)
        checks += [replace(check, name=check.name + suffix) for check in judged]
        differences.append(_difference(name, y, e, end, found.contents[number]))
        if e.size and proves_little(
            e, end, lambda a, b, n=number, end=end: rule.checks(n, a, b, end)
        ):
            blind.append(f"the numbers of {name}" if suffix else "the outputs")
    measured = {}
    if subject is not None and after is not None:
        limit = max(AS_IT_IS.max_drop, 100 * TURNED / len(subject.samples))
        metric = required(subject.metric)
        checks.append(Check(metric.unit, metric.lost(required(before), after), "<=", limit))
        measured = {"artifact": after, "trained": before, "images": len(subject.samples)}
    comparison = Comparison(
        tuple(checks),
        measured,
        None,
        tuple(differences),
        artifact.content.islands,
        (*found.notes, *_unrun(artifact)),
        len(expected.values[0]) if expected.values else 1,
        expected.noise,
    )
    if not blind or not comparison.passed:
        return comparison
    what = f"{comparison.samples} inputs" + " of noise" * expected.noise
    way_out = "compare it on inputs that it tells apart, --images FOLDER or FILE.npz"
    return replace(comparison, doubt=hardly_change(what, " and ".join(blind), way_out))


class _Rule:
    """What one output must keep."""

    def __init__(self, expected, arithmetic, decided):
        self.expected, self.arithmetic, self.decided = expected, arithmetic, decided

    def checks(self, number, found, wanted, end):
        """The checks of one output, as the file gives it, that should be `wanted`."""
        meaning = self.expected.meanings[number]
        values = in_values(found, end)
        if not wanted.size:
            return []
        if end["scale"] is None and not end["dtype"].startswith("float"):
            equal = float((values == wanted).mean())
            least = AGREEMENT if self.arithmetic == "float32" else LABELS[self.arithmetic]
            return [Check("numbers that are equal", equal, ">=", least)]
        step = self.expected.steps[number]
        if step is not None:
            whole = end["scale"] is not None
            like = found.astype(np.int64) if whole else np.rint(values / step)
            off = np.abs(like - (in_steps(wanted, end) if whole else np.rint(wanted / step)))
            moved = self.expected.strayed
            return near_the_simulation(off, lambda: moved()[number], decided=self.decided)
        if self.arithmetic == "float32":
            size = max(1.0, float(np.abs(wanted).max()))
            difference = float(np.abs(values - wanted).max()) / size
            return [Check("largest difference, as a share", difference, "<=", FLOAT_TOLERANCE)]
        informs = self.decided and self.arithmetic == "int8"
        most = ALLOWED[self.arithmetic]
        checks = [Check("noise of the outputs", noise(values, wanted), "<=", most, informs)]
        if wanted.ndim == 2 and wanted.shape[1] > 1 and meaning != "numbers":
            share, least = agreement(values, wanted), LABELS[self.arithmetic]
            informs = meaning is None or self.decided
            checks.append(Check("labels that agree", share, ">=", least, informs))
        return checks


def _difference(name, found, wanted, end, declared):
    values = in_values(found, end)
    apart = np.abs(values - wanted)
    facts = {
        "name": name,
        "called": declared.alias or end["name"],
        "dtype": end["dtype"],
        "largest": float(apart.max()) if apart.size else 0.0,
        "noise": noise(values, wanted) if apart.size else 0.0,
    }
    step = declared.step
    if step is None or not apart.size:
        return Difference(**facts)
    steps = np.abs(np.rint(values / step) - np.rint(wanted / step))
    return Difference(
        **facts,
        step=step,
        most_steps=int(steps.max()),
        mean_steps=float(steps.mean()),
        within_a_step=float((steps <= 1).mean()),
    )


def _unrun(artifact):
    """What of a file was not compared."""
    others = list(artifact.content.signatures)[1:]
    return [f"compared is the first signature, not {', '.join(others)}"] if others else []

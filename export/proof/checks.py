"""What a comparison is made of: what is checked, how much it allows, and whether it could fail."""

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kerascnn.console import Text, styled
from kerascnn.tables import Column, Table

from ..runtimes import Artifact

FLOAT_TOLERANCE = 1e-4  # on logits: sums of float32 in another order; a wrong layer is far outside
WITHIN_A_STEP = 0.99  # of outputs: kernels round halves their own way, once a layer, rarely twice
# Kernels round halves their own way: one in fifty outputs is a step off, as measured on networks
# that have learned something. A layer whose kernel is a tenth too large makes it 0.35, any other
# fault of a layer that was tried 1 to 60.
MEAN_STEPS = 0.3
# The share of outputs that turn when each activation is nudged by 2^-24 of its range is what one
# other order of the sums costs. The file and the simulation are two such orders, and a kernel
# rescales in integers besides: three times that share may differ.
UNSTEADY = 3
STEPS_OF_LABELLED = 0.1  # of outputs more, where what they are worth is measured on labels
LEAST_STEADY = 0.5  # of outputs: where fewer are near, it is no matter of sums in another order
AGREEMENT = 0.99  # of images keep their label where logits are within a step of each other
# Rounding to int8 may turn what is undecided; whoever has labels measures what it costs.
LABELS_KEPT = 0.9

# The converter's own quantization has no simulation to equal: what it may add is noise. Its share
# of the logits' spread, and the images that keep their label, by the method of the recipe. Half
# precision moves a weight by 2^-11 of itself at most: ten layers that all err one way stay below.
# A weight of 8 bits is off by about 1 % of its size, whichever way, an activation by as much: the
# layers of a deep network add up to a few percent, a wrong one to half of the spread or more.
NOISE = {"float16": 0.005, "dynamic": 0.1, "int16x8": 0.1}
KEPT = {"float16": AGREEMENT, "dynamic": 0.95, "int16x8": 0.95}  # noise turns what is undecided

# The least spread that noise is a share of, as a share of the outputs' size. Where outputs spread
# less, it allows 0.05 % and 1 % of their size: what one rounding of the weights does to them.
LEAST_SPREAD = 0.1

COMPARISONS = {"<=": operator.le, ">=": operator.ge}


@dataclass(frozen=True)
class Check:
    """One thing that must hold: `measured` `comparison` `limit`.

    informs: it is told and cannot fail, since nobody said that it matters.
    """

    name: str
    measured: float
    comparison: str
    limit: float
    informs: bool = False

    @property
    def passed(self) -> bool:
        """A NaN never passes."""
        return self.informs or bool(COMPARISONS[self.comparison](self.measured, self.limit))

    @property
    def cells(self) -> tuple[str | Text, ...]:
        """What a table shows of it: its name, what was measured, the limit, what came of it."""
        outcome = styled("ok", "green") if self.passed else styled("FAILED", "red")
        return self.name, f"{self.measured:.6g}", f"{self.comparison} {self.limit:g}", outcome

    def as_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "measured": self.measured,
            "comparison": self.comparison,
            "limit": self.limit,
            "passed": self.passed,
            "informs": self.informs,
        }


@dataclass(frozen=True)
class Verdict:
    """What came of a comparison.

    accuracy: {"artifact", "trained", "images"}: of the file and of the model as it was given, in
    the metric that `name` says, on so many samples; empty where there is no metric. doubt: why it
    proves little that the checks passed, and the way out, in words; None where it proves what it
    should.
    """

    checks: tuple[Check, ...]
    accuracy: dict
    doubt: str | None = None

    @property
    def passed(self) -> bool:
        return all(check.passed for check in self.checks)

    @property
    def table(self) -> Table:
        """What was checked, and what is in doubt. `print(verdict.table)` shows it."""
        caption = f"that it passed {self.doubt}" if self.doubt else ""
        table = Table("check", Column("measured", right=True), "limit", "", caption=caption)
        for check in self.checks:
            table.add(*check.cells)
        return table


def near_the_simulation(
    off: np.ndarray, strayed: Callable[[], np.ndarray], *, decided: bool
) -> list[Check]:
    """The checks of int8 outputs that should be those of the simulation.

    Args:
        off: how many steps the outputs are off.
        strayed: gives how many steps the simulation's own outputs move if its sums are made in
            another order, see `proof.steadiness`. Called only where it matters: it takes a while.
        decided: whether a metric on labels decides what the file is worth. Then fewer outputs need
            be within a step; on the average they are as near.
    """
    near, mean = float((off <= 1).mean()), float(off.mean())
    share, distance = 0.0, 0.0
    if near < WITHIN_A_STEP or mean > MEAN_STEPS:
        moved = strayed()
        share, distance = float((moved > 1).mean()), float(moved.mean())
    allowed = 1 - WITHIN_A_STEP + UNSTEADY * share + (STEPS_OF_LABELLED if decided else 0)
    return [
        Check(
            "outputs within 1 step of the simulation", near, ">=", max(LEAST_STEADY, 1 - allowed)
        ),
        Check("mean distance from it, in steps", mean, "<=", MEAN_STEPS + UNSTEADY * distance),
    ]


def all_integers(artifact: Artifact, leaves_float: bool) -> list[Check]:
    """The check that an int8 artifact computes nothing in float; none where that cannot be asked.

    That is where layers were left float, and where the format does not tell.
    """
    if leaves_float or artifact.float_operators is None:
        return []
    return [Check("operators in float", len(artifact.float_operators), "<=", 0)]


def noise(outputs: np.ndarray, wanted: np.ndarray) -> float:
    """The root mean square of the differences, as a share of the spread of what is wanted."""
    size = float(np.sqrt(np.mean(wanted**2)))
    difference = float(np.sqrt(np.mean((outputs - wanted) ** 2)))
    return difference and difference / max(float(np.std(wanted)), LEAST_SPREAD * size, 1e-30)


def agreement(outputs: np.ndarray, wanted: np.ndarray) -> float:
    """The share of rows, (n, classes), with the same label. Of a tie either label agrees."""
    found = outputs == outputs.max(axis=1, keepdims=True)
    sought = wanted == wanted.max(axis=1, keepdims=True)
    return float((found & sought).any(axis=1).mean())


def in_steps(values: np.ndarray, end: dict[str, Any]) -> np.ndarray:
    """Real values as the integers of a quantized end of an artifact, (n, ...) int64."""
    limits = np.iinfo(end["dtype"])
    steps = np.rint(values / end["scale"]) + end["zero_point"]
    return steps.clip(limits.min, limits.max).astype(np.int64)


def proves_little(
    expected: np.ndarray,
    end: dict[str, Any],
    compare: Callable[[np.ndarray, np.ndarray], Sequence[Check]],
) -> bool:
    """Whether outputs change so little from image to image that the comparison cannot fail.

    It is made once more, of a file that gives the mean output whatever its image. If that passes,
    any file passes that is right about nothing but the mean. A wrong layer costs half of what the
    images change or more (see `NOISE`), so it is made with outputs that change half as much.

    Args:
        expected: what an artifact was compared with, (n, ...) float32.
        end: that output of the artifact, as `Artifact.outputs` has it.
        compare: (outputs, expected) -> the checks, the outputs as the artifact gives them.
    """
    mean = expected.mean(axis=0, keepdims=True)
    blind = np.broadcast_to(mean, expected.shape)
    if end["scale"] is not None:
        blind = in_steps(blind, end)
    return all(check.passed for check in compare(blind, (expected + mean) / 2))


def hardly_change(what: str, outputs: str, way_out: str) -> str:
    """The words of a `Verdict.doubt`: over `what`, `outputs` tell too little."""
    return (
        f"proves little: over {what}, {outputs} hardly change, and a file that ignored its input "
        f"would pass; {way_out}"
    )

"""What an experiment gave."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from kerascnn.experiments.config import Experiment
from kerascnn.experiments.measures import MEASURES, Measure, Outcome
from kerascnn.experiments.statistics import Figure, Summary, summary, verdict


@dataclass(frozen=True)
class Result:
    """What an experiment gave.

    path: its folder. outcomes: arm -> seed -> `Outcome`. costs: arm -> (parameters,
    multiply-accumulates) of one network of it.
    """

    path: Path
    experiment: Experiment
    outcomes: dict[str, dict[int, Outcome]]
    costs: dict[str, tuple[int, int]]

    @property
    def measure(self) -> Measure:
        return MEASURES[self.experiment.told.measure.name]

    def figures(self, arm: str) -> list[Figure]:
        """Of an arm, one a seed."""
        return [outcome.figure for outcome in self.outcomes[arm].values()]

    def summary(self, arm: str) -> Summary:
        """Mean, least and most of an arm."""
        return summary(self.figures(arm))

    @cached_property
    def verdict(self) -> tuple[str, list[str]]:
        """(held, did not hold or undecided; the same of each expected pair of arms)."""
        figures = {arm: self.figures(arm) for arm in self.outcomes}
        return verdict(self.experiment.pairs, figures)

    @property
    def label(self) -> str:
        """What is measured, with its number: "steps to a training error of 10%"."""
        argument = self.experiment.told.measure.argument
        return self.measure.label.format(argument=argument if argument is not None else 0)

    @property
    def sentence(self) -> str:
        """The verdict: "held: relu 105 (90 to 113) < tanh 128 (125 to 130)"."""
        whole, each = self.verdict
        parts = [
            f"{self._spread(left)} < {self._spread(right)}" + f": {one}" * (len(each) > 1)
            for (left, right), one in zip(self.experiment.pairs, each, strict=True)
        ]
        alone = len(next(iter(self.outcomes.values()))) == 1
        return f"{whole}{'; one seed decides nothing' * alone}: {'; '.join(parts)}"

    def written(self, figure: Figure, note: str = "") -> str:
        """A figure as people read it; where there is none, why."""
        return (note or "none") if figure is None else self.measure.written.format(figure)

    def _spread(self, arm):
        found, notes = self.summary(arm), [one.note for one in self.outcomes[arm].values()]
        note = next(filter(None, notes), "")
        mean, least, most = (self.written(x, note) for x in (found.mean, found.least, found.most))
        return f"{arm} {mean} ({least} to {most})"

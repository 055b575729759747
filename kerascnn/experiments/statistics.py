"""Figures of a few seeds: mean, spread, and whether one arm is below another.

A figure is a number, or None where there is none: an error that was never reached, a training that
diverged. None is above every number.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Figure = float | None
HELD, FAILED, UNDECIDED = "held", "did not hold", "undecided"


@dataclass(frozen=True)
class Summary:
    """Of the figures of an arm: mean, least and most; None for what is not finite."""

    mean: Figure
    least: Figure
    most: Figure


def summary(figures: Sequence[Figure]) -> Summary:
    """Mean, least and most of the figures of an arm, one at least."""
    numbers = [_number(figure) for figure in figures]
    mean = sum(numbers) / len(numbers)
    return Summary(*(_figure(x) for x in (mean, min(numbers), max(numbers))))


def compared(left: Sequence[Figure], right: Sequence[Figure]) -> str:
    """Whether `left` is below `right`: "held", "did not hold", or "undecided".

    Held where every figure of the one is below every figure of the other; undecided where the
    spreads overlap, or where an arm has a single figure. Of two arms that are alike, with three
    seeds each, the chance that all of the one fall below all of the other is 1 in 20.
    """
    if min(len(left), len(right)) < 2:
        return UNDECIDED
    lower, upper = map(_number, left), map(_number, right)
    lower, upper = sorted(lower), sorted(upper)
    if lower[-1] < upper[0]:
        return HELD
    return FAILED if upper[-1] < lower[0] else UNDECIDED


def verdict(
    pairs: Sequence[tuple[str, str]], figures: Mapping[str, Sequence[Figure]]
) -> tuple[str, list[str]]:
    """(the verdict on all pairs, that on each): did not hold where one of them did not."""
    each = [compared(figures[left], figures[right]) for left, right in pairs]
    if FAILED in each:
        return FAILED, each
    return (UNDECIDED if UNDECIDED in each else HELD), each


def _number(figure):
    return math.inf if figure is None else figure


def _figure(number):
    return number if math.isfinite(number) else None

"""What an experiment gave, as a picture: the curves of its arms, and the figures of its seeds."""

import math
from itertools import zip_longest
from typing import Any

from kerascnn.experiments.result import Result
from kerascnn.experiments.statistics import FAILED, HELD, UNDECIDED
from kerascnn.extras import require

DPI = 110
SAID = {HELD: "held", FAILED: "did not hold", UNDECIDED: "is undecided"}


def experiment_figure(result: Result) -> Any:
    """Draws all arms: the mean curve with the band from least to most, and the figure of each seed.

    Raises:
        UserError: no extra `report`.
    """
    require("report", "a plot")
    from matplotlib import colormaps
    from matplotlib.figure import Figure
    from matplotlib.ticker import PercentFormatter

    arms = list(result.outcomes)
    figure = Figure((11, 4.5), dpi=DPI, layout="constrained")
    curves, places = figure.subplots(1, 2, width_ratios=(3, 2))
    for number, arm in enumerate(arms):
        colour = colormaps["tab10"](number % 10)
        _curve(curves, result, arm, colour, "-" if number < 10 else "--")
        _seeds(places, result, arm, number, colour)
    curves.set(xlabel=result.measure.along, ylabel=result.measure.curve)
    places.set(xlabel=result.label, yticks=range(len(arms)), ylim=(len(arms) - 0.5, -0.5))
    places.set_yticklabels(arms, parse_math=False)
    if result.measure.log:
        curves.set_yscale("log")
        places.set_xscale("log")
    else:
        places.locator_params(axis="x", nbins=5)
    if result.measure.shares:
        curves.yaxis.set_major_formatter(PercentFormatter(1))
    if "%" in result.measure.written:
        places.xaxis.set_major_formatter(PercentFormatter(1))
    for axes in (curves, places):
        axes.grid(color="0.92")
        axes.set_axisbelow(True)
    curves.legend(fontsize=8)
    figure.suptitle(
        f"{result.experiment.told.claim}\n{result.experiment.told.source}: "
        f"here it {SAID[result.verdict[0]]}",
        fontsize=10,
        parse_math=False,
        wrap=True,
    )
    return figure


def _curve(axes, result, arm, colour, style):
    """The mean over the seeds that come so far, and the band."""
    found = [one.curve for one in result.outcomes[arm].values() if one.curve]
    columns = [
        [value for value in column if value is not None and math.isfinite(value)]
        for column in zip_longest(*found)
    ]
    steps = [number for number, column in enumerate(columns, start=1) if column]
    columns = [column for column in columns if column]
    means = [sum(column) / len(column) for column in columns]
    axes.plot(steps, means, style, color=colour, label=arm)
    lower, upper = [min(column) for column in columns], [max(column) for column in columns]
    axes.fill_between(steps, lower, upper, color=colour, alpha=0.2, linewidth=0)


def _seeds(axes, result, arm, place, colour):
    """A dot a seed; those without a figure are said."""
    found = list(result.outcomes[arm].values())
    numbers = [one.figure for one in found if one.figure is not None]
    axes.plot(numbers, [place] * len(numbers), "o", color=colour, alpha=0.7)
    notes = [one.note or "none" for one in found if one.figure is None]
    if result.measure.log:  # which has no place for it
        notes += ["are zero" for number in numbers if not number]
    if notes:
        text = f"{len(notes)} of {len(found)} {notes[0]}"
        axes.annotate(
            text,
            (0.98, place + 0.25),
            xycoords=("axes fraction", "data"),
            ha="right",
            va="center",
            fontsize=8,
            color=colour,
        )

"""The plots of a page of lanes: what a file costs on each, and accuracy against that."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup
from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from kerascnn.console import printable

from .plots import FIRST, INK, SECOND, STYLE, as_svg

BAR = 0.22  # inches
MOST_BARS = 60


def bars(rows: Sequence[Mapping[str, Any]], unit: str, title: str) -> Markup:
    """A bar for each figure of one unit, on a logarithmic axis: lanes differ by thousands.

    Args:
        rows: of a record's figures, each with a value.
    """
    rows = list(rows)[:MOST_BARS]
    names = [
        printable(f"{Path(row['file']).name}  {row['lane']} {row['setting']}".strip())
        for row in rows
    ]
    with rc_context(STYLE):
        figure = Figure(figsize=(7, 0.9 + BAR * len(rows)), layout="constrained")
        axes = figure.subplots()
        places = range(len(rows))
        axes.barh(places, [row["value"] for row in rows], color=FIRST, height=0.65)
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_yticks(places, names)
        axes.invert_yaxis()
        axes.set_xlabel(unit)
        for place, row in zip(places, rows, strict=True):
            axes.annotate(
                f"{row['value']:,.4g}",
                (row["value"], place),
                (3, 0),
                textcoords="offset points",
                va="center",
                fontsize=7,
                color=INK,
            )
        axes.margins(x=0.15)
        return as_svg(figure, title, f"{title}, in {unit}")


def pareto(points: Sequence[tuple[str, float, float]], unit: str, title: str) -> Markup:
    """Accuracy against cost; the line joins the files that no other beats in both.

    Args:
        points: (name, cost, accuracy as a share).
    """
    best, top = [], float("-inf")
    for _, cost, accuracy in sorted(points, key=lambda point: (point[1], -point[2])):
        if accuracy > top:
            best.append((cost, accuracy))
            top = accuracy
    with rc_context(STYLE):
        figure = Figure(figsize=(5.5, 3.6), layout="constrained")
        axes = figure.subplots()
        axes.plot(*zip(*best, strict=True), color=SECOND, linewidth=1)
        for name, cost, accuracy in points:
            axes.plot(cost, accuracy, "o", color=FIRST, markersize=5)
            axes.annotate(
                printable(name), (cost, accuracy), (5, 4), textcoords="offset points", fontsize=8
            )
        axes.set_xlabel(unit)
        axes.set_ylabel("accuracy")
        axes.yaxis.set_major_formatter(lambda share, _: f"{share:.1%}")
        axes.margins(0.15)
        return as_svg(figure, title, f"{title}: accuracy against {unit}")

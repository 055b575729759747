"""The confusion matrix of a classifier."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from kerascnn.errors import printable

NUMBERED = 20  # classes whose counts still fit into the cells
NAMED = 40  # classes whose names still fit along it
LONGEST_LABEL = 18


def confusion_figure(counts: np.ndarray, labels: Sequence[str], *, ink: str = "black") -> Any:
    """Draws counts, (classes, classes): rows the truth, columns the answer.

    Colour is the share of the row, on a square-root scale, so that single mistakes show.

    Args:
        ink: the colour of the counts on light cells.

    Returns:
        A matplotlib figure.
    """
    from matplotlib.colors import LinearSegmentedColormap, PowerNorm
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter

    classes, names = len(labels), [_shortened(printable(label)) for label in labels]
    cells = min(6.5, max(3.2, 0.32 * classes))
    margin = 0.08 * max(map(len, names)) if classes <= NAMED else 0.0
    slanted = margin > 0.24
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    blue = LinearSegmentedColormap.from_list("blue", [(0, 0.45, 0.7, 0), (0, 0.45, 0.7, 1)])
    size = (cells + margin + 0.4, cells + (margin if slanted else 0.2) + 1.1)
    figure = Figure(size, layout="constrained")
    axes = figure.add_subplot()
    drawn = axes.imshow(shares, blue, PowerNorm(0.5, 0, 1), interpolation="none")
    if classes <= NUMBERED:
        _write_counts(axes, counts, shares, ink)
    axes.set(title="Confusion matrix", xlabel="answer", ylabel="truth")
    if classes <= NAMED:
        axes.set_xticks(range(classes), names, rotation=90 if slanted else 0, parse_math=False)
        axes.set_yticks(range(classes), names, parse_math=False)
    else:
        axes.set(xlabel="answer (number of the class)", ylabel="truth (number of the class)")
    axes.tick_params(length=0)
    bar = figure.colorbar(
        drawn, location="bottom", aspect=30, shrink=0.9, ticks=[0, 0.05, 0.2, 0.5, 1]
    )
    bar.ax.xaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:g} %"))
    bar.set_label("share of the images of a class")
    return figure


def _write_counts(axes, counts, shares, ink):
    points = min(8, 24 / len(str(counts.max())))
    for (row, column), count in np.ndenumerate(counts):
        if count:
            colour = "white" if shares[row, column] > 0.3 else ink
            axes.text(column, row, f"{count}", size=points, color=colour, ha="center", va="center")


def _shortened(label):
    return label if len(label) <= LONGEST_LABEL else label[: LONGEST_LABEL - 1] + "…"

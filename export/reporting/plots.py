"""The plots of a report, as SVG that stands inside a page and takes its colours from it.

Text is drawn in the page's own colour and the two curves in its `--first` and `--second`, so that
one picture serves a light and a dark page.
"""

import io
import math
import re
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from markupsafe import Markup
from matplotlib import rc_context
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from kerascnn.visualization import confusion_figure

# Drawn as these colours, then replaced by what the page says; no other mark of a plot has them.
COLOURS = {"#010203": "currentColor", "#040506": "var(--first)", "#070809": "var(--second)"}
INK, FIRST, SECOND = COLOURS
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "report",
    "font.size": 9,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "text.parse_math": False,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.titlesize": 10,
    "axes.unicode_minus": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
}

MOST_FILTERS = 96


def loss(rows: Sequence[dict[str, float]], title: str, best: int | None = None) -> Markup:
    """Training and validation loss of history rows; `best` is an epoch to mark."""
    return _curves(rows, f"{title}: loss", "cross-entropy (nats)", ("loss", "val_loss"), best)


def accuracy(rows: Sequence[dict[str, float]], title: str, best: int | None = None) -> Markup:
    """Training and validation accuracy of history rows; `best` is an epoch to mark."""
    keys = ("accuracy", "val_accuracy")
    return _curves(rows, f"{title}: accuracy", "share of images", keys, best, percent=True)


def learning_rate(rows: Sequence[dict[str, float]], title: str) -> Markup:
    """The learning rate at the end of each epoch."""
    return _curves(rows, f"{title}: learning rate", "learning rate", ("learning_rate",))


def confusion(counts: np.ndarray, labels: Sequence[str]) -> Markup:
    """A confusion matrix, (classes, classes): rows the truth, columns the answer."""
    with rc_context(STYLE):
        figure = confusion_figure(counts, labels, ink=INK)
        return as_svg(figure, "confusion", "Confusion matrix of the test images")


def filters(kernels: np.ndarray) -> Markup:
    """The filters of a first layer, (filters, height, width, channels) in 0..1, side by side.

    Three channels are shown in colour; of any other number the first channel, in grey.
    """
    shown = kernels[:MOST_FILTERS]
    count, height, width, channels = kernels.shape
    columns = 8 if len(shown) <= 32 else 12
    lines = math.ceil(len(shown) / columns)
    title = f"{count} filter{'s' * (count > 1)} of {height}x{width}x{channels}"
    title += f", the first {MOST_FILTERS}" if count > MOST_FILTERS else ""
    title += ", their first channel" if channels not in (1, 3) else ""
    with rc_context(STYLE):
        figure = Figure((4.6, 0.3 + 4.6 / columns * lines), layout="constrained")
        cells = figure.subplots(lines, columns, squeeze=False).ravel()
        for axes in cells:
            axes.set_axis_off()
        for axes, kernel in zip(cells, shown, strict=False):
            pixels = kernel if channels == 3 else kernel[..., 0]
            axes.imshow(pixels, "gray", vmin=0, vmax=1, interpolation="none")
        figure.suptitle(title, size=10)
        return as_svg(figure, "filters", title)


def _curves(rows, title, label, keys, best=None, *, percent=False):
    epochs = [row["epoch"] for row in rows]
    with rc_context(STYLE):
        figure = Figure((4.2, 2.8), layout="constrained")
        axes = figure.add_subplot()
        looks = [(FIRST, "-", "training"), (SECOND, "--", "validation")]
        for key, (colour, line, name) in zip(keys, looks, strict=False):
            axes.plot(
                epochs,
                [row[key] for row in rows],
                line,
                color=colour,
                label=name,
                marker="o" if len(rows) < 20 else "",
                markersize=3,
                linewidth=1.4,
            )
        if best is not None:
            axes.axvline(best, color=INK, linestyle=":", linewidth=0.9, label=f"best, epoch {best}")
        if len(keys) > 1:
            axes.legend()
        axes.set_xlim(epochs[0] - 0.5, epochs[-1] + 0.5)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10], min_n_ticks=1))
        axes.set(title=title, xlabel="epoch", ylabel=label)
        axes.grid(color=INK, alpha=0.15, linewidth=0.6)
        if percent:
            axes.yaxis.set_major_formatter(FuncFormatter(_percent))
        else:
            _scale(axes, [row[key] for row in rows for key in keys])
        return as_svg(figure, title, f"{title}, by epoch")


def _scale(axes, values):
    """From zero; logarithmic where the values span more than a decade."""
    values = [v for v in values if math.isfinite(v)]
    if values and min(values) > 0 and max(values) > 10 * min(values):
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
    else:
        axes.set_ylim(bottom=0)


def _percent(share, _):
    return f"{100 * share:g} %"


def as_svg(figure: Figure, name: str, description: str) -> Markup:
    """The figure as an <svg> element for a page, its ids apart from those of the other plots."""
    written = io.StringIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # the reader's fonts draw the text
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.patch.set_alpha(0)
        for axes in figure.axes:
            axes.patch.set_alpha(0)
        FigureCanvasSVG(figure).print_svg(written, metadata=nothing)
    text = written.getvalue()
    text = text[text.index("<svg") :]
    for drawn, wanted in COLOURS.items():
        text = text.replace(drawn, wanted)
    prefix = re.sub(r"\W+", "-", name)
    text = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{prefix}-", text)
    width, height = (72 * inches for inches in figure.get_size_inches())
    opening = Markup(
        '<svg viewBox="0 0 {:g} {:g}" style="max-width: {:g}px" role="img" aria-label="{}">'
    )
    opening = opening.format(width, height, 1.35 * width, description)
    return opening + Markup(text[text.index(">") + 1 :])

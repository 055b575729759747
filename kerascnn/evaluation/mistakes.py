"""The worst mistakes as a sheet of pictures: what the network was surest of, and wrong."""

import math
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kerascnn.errors import UserError, printable
from kerascnn.evaluation.pictures import Pictures
from kerascnn.extras import require
from kerascnn.files import replacing

MOST = 25  # pictures on a sheet
COLUMNS = 5
LETTERS = 22  # that stand side by side above a picture


def worst_mistakes(logs: np.ndarray, labels: np.ndarray, most: int = MOST) -> np.ndarray:
    """Numbers of the images that are answered wrongly, the surest first: (at most `most`,).

    logs: log-probabilities, (n, classes). labels: (n,).
    """
    wrong = np.flatnonzero(logs.argmax(axis=1) != labels)
    surest = np.argsort(-logs[wrong].max(axis=1), kind="stable")
    return wrong[surest[:most]]


def mistakes_sheet(
    path: Path,
    pictures: Pictures,
    logs: np.ndarray,
    labels: np.ndarray,
    names: Sequence[str],
    *,
    channels: int = 3,
    most: int = MOST,
) -> list[int]:
    """Draws the worst mistakes into a file; the other arguments are those of `mistakes_figure`.

    Args:
        path: a .png or .svg file.

    Returns:
        The numbers of the pictures on it; none where there is no mistake, and then no file.

    Raises:
        UserError: another kind of file, or one that cannot be written.
    """
    path = Path(path)
    if path.suffix not in (".png", ".svg"):
        raise UserError(f"{path}: expected a .png or .svg file for a sheet of pictures")
    chosen = worst_mistakes(logs, labels, most)
    if len(chosen):
        figure = mistakes_figure(pictures, logs, labels, names, channels=channels, most=most)
        with replacing(path) as temporary:
            figure.savefig(temporary)
    return [int(index) for index in chosen]


def mistakes_figure(
    pictures: Pictures,
    logs: np.ndarray,
    labels: np.ndarray,
    names: Sequence[str],
    *,
    channels: int = 3,
    most: int = MOST,
) -> Any:
    """The worst mistakes: each picture with its class, the answer and its probability.

    Args:
        logs: log-probabilities of the pictures, (n, classes). labels: (n,). names: a class each.
        channels: that pictures are shown in, 1 or 3.

    Returns:
        A matplotlib figure; None where there is no mistake.
    """
    require("report", "a sheet of pictures")
    chosen = worst_mistakes(logs, labels, most)
    if not len(chosen):
        return None
    from matplotlib.figure import Figure

    rows = math.ceil(len(chosen) / COLUMNS)
    figure = Figure(figsize=(2.1 * COLUMNS, 2.7 * rows), dpi=110, layout="constrained")
    grid = figure.subplots(rows, COLUMNS, squeeze=False).ravel()
    for axes in grid:
        axes.set_axis_off()
    for axes, index in zip(grid, chosen, strict=False):
        answer = int(logs[index].argmax())
        pixels = pictures.whole(int(index), channels).astype("uint8")
        axes.imshow(pixels[..., 0] if channels == 1 else pixels, cmap="gray", vmin=0, vmax=255)
        said = f"{names[answer]} {math.exp(logs[index, answer]):.0%}"
        title = "\n".join([*_wrapped(names[int(labels[index])]), *_wrapped(f"taken for {said}")])
        axes.set_title(title, fontsize=8, parse_math=False)
    return figure


def _wrapped(text):
    return textwrap.wrap(printable(text), LETTERS)

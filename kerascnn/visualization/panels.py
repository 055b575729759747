"""Images side by side, as every figure of this package shows them."""

from collections.abc import Sequence
from typing import Any

import numpy as np

INCHES = 1.5  # an image
DPI = 110


def panels(
    rows: int, columns: int, *, inches: float = INCHES, above: float = 0.25
) -> tuple[Any, np.ndarray]:
    """A matplotlib figure of rows x columns places without axes: (figure, (rows, columns)).

    above: inches over each row, for its titles.
    """
    from matplotlib.figure import Figure

    size = (inches * columns, (inches + above) * rows)
    figure = Figure(size, dpi=DPI, layout="constrained")
    places = figure.subplots(rows, columns, squeeze=False)
    for axes in places.ravel():
        axes.set_axis_off()
    return figure, places


def show_image(axes: Any, image: np.ndarray, title: str = "") -> None:
    """Draws pixels 0..255, (height, width, 1 or 3)."""
    pixels = np.rint(image).clip(0, 255).astype(np.uint8)
    grey = pixels.shape[-1] != 3
    axes.imshow(pixels[..., 0] if grey else pixels, cmap="gray", vmin=0, vmax=255)
    if title:
        axes.set_title(title, fontsize=8, parse_math=False)


def row_title(axes: Any, text: str) -> None:
    """Writes upright at the left of a row of places."""
    axes.text(
        -0.08,
        0.5,
        text,
        transform=axes.transAxes,
        rotation=90,
        ha="right",
        va="center",
        fontsize=8,
        parse_math=False,
    )


def spread(count: int, most: int) -> Sequence[int]:
    """At most `most` of the numbers 0 to count - 1, evenly, with the first and the last."""
    return sorted({round(x) for x in np.linspace(0, count - 1, min(count, most))})

"""Predictions of a class a pixel, beside the masks."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from kerascnn.visualization.panels import panels, show_image

ACROSS = 2  # images beside each other, each with its mask and its answer


def segmentation_figure(
    images: np.ndarray, masks: np.ndarray, answers: np.ndarray, names: Sequence[str]
) -> Any:
    """Draws each image, its mask and what the network answers.

    Args:
        images: (n, height, width, channels), pixels 0..255. masks, answers: (n, height, width),
            the class of each pixel. names: of the classes, which the legend has.

    Returns:
        A matplotlib figure; above each answer stands the share of its pixels that is right.
    """
    from matplotlib import colormaps
    from matplotlib.colors import ListedColormap
    from matplotlib.patches import Patch

    tab = colormaps["tab10" if len(names) <= 11 else "tab20"]
    colours = [(0.15, 0.15, 0.15), *(tab(i % tab.N)[:3] for i in range(len(names) - 1))]
    looks = {"cmap": ListedColormap(colours), "vmin": -0.5, "vmax": len(names) - 0.5}
    rows = -(-len(images) // ACROSS)
    figure, places = panels(rows, 3 * ACROSS, inches=1.3)
    for number, (image, mask, answer) in enumerate(zip(images, masks, answers, strict=True)):
        row, column = divmod(number, ACROSS)
        first, second, third = places[row, 3 * column : 3 * column + 3]
        show_image(first, image, "image")
        second.imshow(mask, interpolation="nearest", **looks)
        second.set_title("mask", fontsize=8)
        third.imshow(answer, interpolation="nearest", **looks)
        third.set_title(f"answer, {(mask == answer).mean():.1%}", fontsize=8)
    patches = [Patch(color=colour, label=name) for colour, name in zip(colours, names, strict=True)]
    figure.legend(handles=patches, loc="outside lower center", ncols=min(7, len(names)), fontsize=8)
    return figure

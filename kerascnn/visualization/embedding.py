"""Which images a network holds for alike: t-SNE of its features, and nearest neighbours."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from kerascnn.errors import UserError
from kerascnn.extras import require
from kerascnn.transfer.probing import nearest
from kerascnn.visualization.panels import DPI, panels, show_image, spread

QUERIES, NEIGHBOURS = 6, 6
INCHES = 9.0  # of the map
SIDE = 0.028  # of a thumbnail, as a share of the map


def tsne(features: np.ndarray, *, seed: int = 0) -> np.ndarray:
    """Places features on a plane so that near ones stay near: (n, ...) -> (n, 2).

    Distances between far groups mean nothing.

    Raises:
        UserError: fewer than five; no extra `digits`, whose scikit-learn computes it.

    Source: van der Maaten & Hinton, "Visualizing Data using t-SNE", JMLR 2008.
    """
    if len(features) < 5:
        raise UserError(f"features: t-SNE needs five images at least, got {len(features)}")
    require("digits", "t-SNE")
    from sklearn.manifold import TSNE

    perplexity = min(30.0, (len(features) - 1) / 3)
    rows = features.reshape(len(features), -1)
    return TSNE(perplexity=perplexity, init="pca", random_state=seed).fit_transform(rows)


def tsne_figure(
    features: np.ndarray, images: np.ndarray, labels: np.ndarray | None, *, seed: int = 0
) -> Any:
    """Draws images where t-SNE of their features places them, framed in the colour of the class.

    Args:
        features: (n, ...). images: (n, height, width, channels). labels: (n,), or None.
    """
    from matplotlib import colormaps
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    places = tsne(features, seed=seed)
    low, high = places.min(axis=0), places.max(axis=0)
    places = (places - low) / np.maximum(high - low, 1e-9)
    figure = Figure((INCHES, INCHES), dpi=DPI)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    for number, (x, y) in enumerate(places):
        left, bottom = x - SIDE / 2, y - SIDE / 2
        pixels = np.rint(images[number]).clip(0, 255).astype(np.uint8)
        grey = pixels.shape[-1] != 3
        axes.imshow(
            pixels[..., 0] if grey else pixels,
            cmap="gray",
            vmin=0,
            vmax=255,
            extent=(left, left + SIDE, bottom, bottom + SIDE),
        )
        if labels is not None:
            colour = colormaps["tab10"](int(labels[number]) % 10)
            frame = Rectangle((left, bottom), SIDE, SIDE, fill=False, color=colour, lw=1.5)
            axes.add_patch(frame)
    axes.set(xlim=(-SIDE, 1 + SIDE), ylim=(-SIDE, 1 + SIDE))
    return figure


def neighbours_figure(
    features: np.ndarray, images: np.ndarray, labels: np.ndarray | None, names: Sequence[str]
) -> Any:
    """Draws images with those whose features point most nearly the same way, the nearest first.

    Args:
        features: (n, ...), n from 2 on. images: (n, height, width, channels). labels: (n,), or
            None. names: of the classes.
    """
    queries = spread(len(features), QUERIES)
    count = min(NEIGHBOURS, len(features) - 1)
    found = nearest(features, features[list(queries)], count + 1)
    figure, grid = panels(len(queries), 1 + count, inches=1.1)
    for row, query, near in zip(grid, queries, found, strict=True):
        others = [i for i in near if i != query][:count]
        for axes, index in zip(row, [query, *others], strict=True):
            title = "" if labels is None else str(names[labels[index]])
            show_image(axes, images[index], title)
    return figure

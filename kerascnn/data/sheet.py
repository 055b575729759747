"""A sheet of training images as the network sees them, and how many there are of each class."""

from pathlib import Path
from typing import Any

import numpy as np

from kerascnn.data.pipelines import Data
from kerascnn.errors import UserError, printable
from kerascnn.extras import require
from kerascnn.files import replacing

COLUMNS, ROWS = 8, 6
MOST_BARS = 40  # classes whose counts are told one by one
LONGEST_NAME = 18  # characters below a picture
SMALL = 0.05  # share of a mixed label that is not told


def draw_sheet(data: Data, path: str | Path, *, seed: int = 0) -> None:
    """Draws the first 48 images of a training, augmented, and the counts of the classes.

    Args:
        path: a .png or .svg file. seed: of the training.

    Raises:
        UserError: another kind of file, or one that cannot be written.
    """
    path = Path(path)
    if path.suffix not in (".png", ".svg"):
        raise UserError(f"--out: expected a .png or .svg file, got {path.name!r}")
    require("report", "a sheet of images")
    from matplotlib.figure import Figure

    images, labels = _first(data, seed)
    figure = Figure(figsize=(16, 10), dpi=100, layout="constrained")
    left, right = np.array(figure.subfigures(1, 2, width_ratios=[3, 1]))
    for axes, image, label in zip(_places(left), images, labels, strict=False):
        pixels = np.rint(image).clip(0, 255).astype(np.uint8)
        grey = {"cmap": "gray", "vmin": 0, "vmax": 255} if pixels.shape[-1] == 1 else {}
        axes.imshow(pixels.squeeze(-1) if grey else pixels, **grey, interpolation="nearest")
        axes.set_title(_told(label, data.names), fontsize=8, parse_math=False)
    _draw_counts(right.subplots(), data)
    height, width, _ = data.shape
    left.suptitle(f"training images, {width} x {height}, as the network sees them", fontsize=10)
    with replacing(path) as temporary:
        figure.savefig(temporary)


def _first(data, seed):
    """(images, labels) of the first steps of a training."""
    count = COLUMNS * ROWS
    steps = -(-count // min(data.config.batch_size, len(data.train)))
    found = [(x.numpy(), y.numpy()) for x, y in data.training_batches(seed=seed, steps=steps)]
    images, labels = (np.concatenate(parts)[:count] for parts in zip(*found, strict=True))
    return images, labels


def _places(figure) -> Any:
    axes = figure.subplots(ROWS, COLUMNS).ravel()
    for place in axes:
        place.set_axis_off()
    return axes


def _told(label, names):
    """The name of a class, or of those that a mixed label has, with their shares."""
    if label.ndim == 0:
        return _short(names[int(label)])
    order = [i for i in np.argsort(-label, kind="stable") if label[i] > SMALL]
    if len(order) == 1:
        return _short(names[order[0]])
    return "\n".join(f"{label[i]:.2f} {_short(names[i])}" for i in order)


def _short(name):
    name = printable(name)
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 3]}..."


def _draw_counts(axes, data):
    """Bars for each class, one behind the other: train, validation, test."""
    parts = {"train": data.train, "validation": data.validation, "test": data.test}
    counts = {part: np.array(data.class_counts(split)) for part, split in parts.items()}
    classes = len(data.names)
    few = classes <= MOST_BARS
    order = np.arange(classes) if few else np.argsort(-sum(counts.values()), kind="stable")
    start = np.zeros(classes, int)
    for part, count in counts.items():
        label = f"{part}: {count.sum():,}"
        axes.barh(range(classes), count[order], 0.8 if few else 1, left=start[order], label=label)
        start = start + count
    names = [_short(data.names[i]) for i in order] if few else []
    axes.set_yticks(range(classes) if few else [], names, parse_math=False)
    axes.invert_yaxis()
    axes.set_title(f"images of {classes:,} classes{'' if few else ', largest first'}", fontsize=10)
    axes.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.04))

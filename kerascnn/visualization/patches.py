"""Which parts of which images excite a channel most."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from kerascnn.analysis import ReceptiveField, describe
from kerascnn.transfer.features import extract_features
from kerascnn.visualization.panels import panels, row_title, show_image

CHANNELS, IMAGES = 6, 6  # of a figure


@dataclass(frozen=True)
class Excitation:
    """image: its number. answer: of the channel. box: (top, left, bottom, right) of the pixels that
    the unit sees, the last two exclusive, cut at the image's edges."""

    image: int
    answer: float
    box: tuple[int, int, int, int]


def exciting_patches(
    model: keras.Model, images: np.ndarray, layer: str, channels: Sequence[int], *, most: int = 9
) -> list[list[Excitation]]:
    """Where the channels of a layer answer most: one place an image, the strongest images first.

    Args:
        model: takes `images`.
        images: (n, height, width, channels).
        layer: with maps as output. channels: numbers of its channels. most: images a channel.

    Returns:
        For each channel at most `most` excitations.

    Raises:
        UserError: no such layer.

    Source: Girshick et al., arXiv:1311.2524, section 3.1; Zeiler & Fergus, arXiv:1311.2901.
    """
    maps = extract_features(model, images.astype("float32"), layer)
    fields = {row.name: row.receptive_field for row in describe(model).layers}
    size = (images.shape[1], images.shape[2])
    found = []
    for channel in channels:
        answers = maps[..., channel].reshape(len(maps), -1)
        order = np.argsort(-answers.max(axis=1), kind="stable")[:most]
        places = [np.unravel_index(answers[i].argmax(), maps.shape[1:3]) for i in order]
        found.append(
            [
                Excitation(int(i), float(answers[i].max()), _box(fields.get(layer), place, size))
                for i, place in zip(order, places, strict=True)
            ]
        )
    return found


def patches_figure(model: keras.Model, images: np.ndarray, layer: str) -> Any:
    """Draws images with the patch that excites a channel most, for the choosiest channels.

    A channel is choosy whose largest answer is far above its mean. A row a channel; the frame is
    the receptive field of the unit, which past some layers is wider than the image.

    Args: as of `exciting_patches`. Returns a matplotlib figure.
    """
    from matplotlib.patches import Rectangle

    maps = extract_features(model, images.astype("float32"), layer)
    places = (0, 1, 2)
    choosy = (maps.max(axis=places) - maps.mean(axis=places)) / (maps.std(axis=places) + 1e-9)
    alive = np.flatnonzero(maps.max(axis=places) > maps.min(axis=places))
    channels = alive[np.argsort(-choosy[alive], kind="stable")][:CHANNELS]
    rows = exciting_patches(model, images, layer, channels.tolist(), most=IMAGES)
    figure, grid = panels(max(1, len(rows)), IMAGES, inches=1.1)
    for line, channel, found in zip(grid, channels, rows, strict=False):
        row_title(line[0], f"channel {channel}")
        for axes, each in zip(line, found, strict=False):
            show_image(axes, images[each.image], f"{each.answer:.3g}")
            top, left, bottom, right = each.box
            corner, wide, high = (left - 0.5, top - 0.5), right - left, bottom - top
            axes.add_patch(Rectangle(corner, wide, high, fill=False, color="#e4572e", lw=2))
    return figure


def _box(
    fields: tuple[ReceptiveField, ...] | None, place: Sequence[Any], size: tuple[int, int]
) -> tuple[int, int, int, int]:
    """The pixels that a unit sees; all of them where its receptive field is not known."""
    if not fields:
        return (0, 0, *size)
    edges = []
    for field, position, most in zip(fields, place, size, strict=True):
        first = int(field.offset + int(position) * field.stride)
        edges.append((max(0, first), min(most, first + int(field.size))))
    (top, bottom), (left, right) = edges
    return top, left, bottom, right

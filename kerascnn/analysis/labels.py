"""Names next to the discs of a chart, each where it can be read."""

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import product
from math import cos, hypot, pi, sin
from typing import TYPE_CHECKING, NamedTuple

from kerascnn.errors import required

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Point = tuple[float, float]
Color = Sequence[float]


class Box(NamedTuple):
    """A rectangle, in pixels."""

    x0: float
    y0: float
    x1: float
    y1: float


def label(
    axes: "Axes",
    names: Sequence[str],
    points: Sequence[Point],
    areas: Sequence[float],
    colors: Sequence[Color],
) -> None:
    """Writes each name next to its disc, where it covers no other name and as few discs as can be.

    A name that does not touch its disc is tied to it by a line.
    """
    axes.autoscale(False)  # the lines must not move what they point to
    pixels = axes.figure.dpi / 72
    centers = [tuple(axes.transData.transform(point)) for point in points]
    radii = [(area / pi) ** 0.5 * pixels for area in areas]
    frame = Box(*axes.get_window_extent().extents)
    discs = list(zip(centers, radii, strict=True))
    boxes, lines = [Box(*required(axes.get_legend()).get_window_extent().extents)], []

    def cost(i: int, box: Box) -> float:
        """Covered names weigh most, then the frame, lines, discs, and the way to one's own disc."""
        covered = sum(overlap(box, other) for other in boxes)
        outside = 1 - overlap(box, frame) / overlap(box, box)
        tie = line(*discs[i], box)
        crossed = sum(inside(p, box) for p in lines)
        crossed += sum(inside(p, other) for other in boxes for p in tie)
        hidden = sum(gap(*disc, box) < 0 for disc in discs)
        weighed = 10**6 * (covered > 0) + 10**5 * outside + 100 * crossed + 60 * hidden
        return weighed + abs(gap(*discs[i], box) - 3 * pixels)

    for i in sorted(range(len(names)), key=lambda i: -crowd(centers, i)):
        text = axes.annotate(names[i], points[i], fontsize=8)
        size = text.get_window_extent()
        text.remove()
        x, y = centers[i]
        box = min(
            places(x, y, radii[i], size.width + 4, size.height + 2, pixels), key=partial(cost, i)
        )
        boxes.append(box)
        own = gap(*discs[i], box)
        if own > 4 * pixels or any(gap(*disc, box) < own for disc in discs):
            tie = line(*discs[i], box)
            lines += tie
            ends = axes.transData.inverted().transform([tie[0], tie[-1]])
            axes.plot(*ends.T, color=colors[i], linewidth=0.7)
        middle = (box.x0 + box.x1) / 2 - x, (box.y0 + box.y1) / 2 - y
        axes.annotate(
            names[i],
            points[i],
            xytext=(middle[0] / pixels, middle[1] / pixels),
            fontsize=8,
            textcoords="offset points",
            ha="center",
            va="center",
            color=darker(colors[i]),
        )


def gap(center: Point, radius: float, box: Box) -> float:
    """How far a box is from the edge of a disc; negative where it covers a part of it."""
    x, y = closest(center, box)
    return hypot(x - center[0], y - center[1]) - radius


def line(center: Point, radius: float, box: Box) -> list[Point]:
    """Eleven points from the edge of a disc to the closest point of a box."""
    x, y = closest(center, box)
    start = min(radius / max(hypot(x - center[0], y - center[1]), radius), 1)
    parts = [start + (1 - start) * k / 10 for k in range(11)]
    return [(center[0] + (x - center[0]) * t, center[1] + (y - center[1]) * t) for t in parts]


def closest(point: Point, box: Box) -> Point:
    return min(max(point[0], box.x0), box.x1), min(max(point[1], box.y0), box.y1)


def crowd(centers: Sequence[Point], i: int) -> int:
    """How many discs are around disc i: where it is crowded, names are placed first."""
    x, y = centers[i]
    return sum(hypot(x - a, y - b) < 150 for a, b in centers)


def places(
    x: float, y: float, radius: float, width: float, height: float, pixels: float
) -> Iterator[Box]:
    """Boxes around a disc at (x, y), in rings farther and farther away."""
    for ring, step in product(range(14), range(16)):
        angle = 2 * pi * step / 16
        away = radius + pixels * (1 + 6 * ring)
        left = x + cos(angle) * (away + width / 2) - width / 2
        below = y + sin(angle) * (away + height / 2) - height / 2
        yield Box(left, below, left + width, below + height)


def inside(point: Point, box: Box) -> bool:
    return box.x0 < point[0] < box.x1 and box.y0 < point[1] < box.y1


def overlap(a: Box, b: Box) -> float:
    """Area that two boxes share."""
    width = min(a.x1, b.x1) - max(a.x0, b.x0)
    height = min(a.y1, b.y1) - max(a.y0, b.y0)
    return max(width, 0) * max(height, 0)


def darker(color: Color) -> Color:
    """The color of a name: that of its disc, dark enough to be read."""
    return [0.6 * part for part in color[:3]]

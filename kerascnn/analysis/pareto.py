"""Accuracy against what it costs: the networks that none beats in both, joined by a line."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kerascnn.analysis.labels import label
from kerascnn.errors import UserError
from kerascnn.extras import require
from kerascnn.files import replacing

POINTS_PER_BYTE = 1 / 400  # area of a disc, in square points


@dataclass(frozen=True)
class Point:
    """A network. macs: multiply-accumulates of an image. bytes: of its file. top1: in percent.

    group: what shares its color, as "published, int8".
    """

    name: str
    macs: float
    bytes: int
    top1: float
    group: str


def pareto_front(points: Sequence[Point]) -> list[Point]:
    """The points that no other beats in accuracy for as few MACs, the cheapest first."""
    front = []
    for point in sorted(points, key=lambda p: (p.macs, -p.top1)):
        if not front or point.top1 > front[-1].top1:
            front.append(point)
    return front


def pareto_chart(
    path: str | Path,
    points: Sequence[Point],
    *,
    accuracy: str,
    limit: float | None = None,
    joined: Sequence[Point] | None = None,
) -> None:
    """Draws accuracy against MACs; the area of a disc is the size of the file.

    Args:
        path: a .png or .svg file.
        points: one color a group.
        accuracy: what the axis says, as "top-1 on the test images, %".
        limit: MACs that a dashed line is drawn at.
        joined: those whose front is drawn as a line, as all that are int8; all by default.

    Raises:
        UserError: another kind of file, no points, one that cannot be written, or no extra
            `report`.
    """
    path = Path(path)
    if path.suffix not in (".png", ".svg"):
        raise UserError(f"path: expected a .png or .svg file, got {path.name!r}")
    if not points:
        raise UserError("points: expected at least one network to draw, got none")
    require("report", "a chart")
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 6), dpi=150, layout="constrained")
    axes = figure.add_subplot()
    groups = list(dict.fromkeys(point.group for point in points))
    colors = [colormaps["tab10"](groups.index(point.group) % 10) for point in points]
    places = [(point.macs, point.top1) for point in points]
    areas = [point.bytes * POINTS_PER_BYTE for point in points]
    front = pareto_front(points if joined is None else joined)
    steps = zip(*((point.macs, point.top1) for point in front), strict=True)
    axes.plot(*steps, color="0.6", linewidth=1, drawstyle="steps-post", zorder=1)
    faces = [(*color[:3], 0.35) for color in colors]
    axes.scatter(*zip(*places, strict=True), s=areas, facecolors=faces, edgecolors=colors)
    if limit is not None:
        axes.axvline(limit, color="0.5", linestyle="--", linewidth=0.8)
    axes.set_xscale("log")
    axes.set(xlabel="multiply-accumulates for one image", ylabel=accuracy)
    axes.set_title("Accuracy against computation; the area of a disc is the size of the file")
    axes.margins(0.12)
    axes.grid(color="0.92", which="both")
    axes.set_axisbelow(True)
    for index, group in enumerate(groups):
        axes.scatter([], [], s=60, color=colormaps["tab10"](index % 10), alpha=0.5, label=group)
    axes.scatter([], [], s=100_000 * POINTS_PER_BYTE, color="0.5", alpha=0.4, label="100 kB")
    axes.legend(loc="lower right", labelspacing=1.2, borderpad=1)
    # Lays out, then fixes the layout, so that places can be told in pixels.
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    label(axes, [point.name for point in points], places, areas, colors)
    with replacing(path) as temporary:
        figure.savefig(temporary)

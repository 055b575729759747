"""The zoo as a picture: what accuracy costs."""

from itertools import product
from math import cos, hypot, pi, sin
from pathlib import Path

from kerascnn.errors import UserError
from kerascnn.models import models, variant

CLASSES = 1000  # ImageNet's: accuracies on other data do not share an axis with these
POINTS_PER_PARAMETER = 1 / 120_000  # area of a disc, in square points


def zoo_chart(path, *, pattern="*"):
    """Draws the ImageNet networks: MACs against published top-1, parameters as the area of a disc.
    A family, that is one builder, has one color.

    From the registry's rows: nothing is built, and nothing was measured here. A network without
    a published top-1 in its row is left out.

    Args:
        path: a .png or .svg file.
        pattern: shell pattern of names, as in `models`.

    Raises:
        UserError: another kind of file, or no network to draw.
    """
    path = Path(path)
    if path.suffix not in (".png", ".svg"):
        raise UserError(f"path: expected a .png or .svg file, got {path.name!r}")
    rows = {name: variant(name).row for name in models(pattern)}
    rows = {
        name: row for name, row in rows.items()
        if row.num_classes == CLASSES and row.top1 is not None
    }  # fmt: skip
    if not rows:
        raise UserError(
            f"pattern: expected at least one network with a published ImageNet top-1, "
            f"{pattern!r} matches none; `kerascnn models` lists them all"
        )
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 8), dpi=150, layout="constrained")
    axes = figure.add_subplot()
    macs, top1, params = zip(*((r.macs, r.top1, r.params) for r in rows.values()), strict=True)
    areas = [p * POINTS_PER_PARAMETER for p in params]
    families = [variant(name).builder for name in rows]
    order = list(dict.fromkeys(families))
    colors = [colormaps["tab10"](order.index(family) % 10) for family in families]
    axes.scatter(
        macs, top1, s=areas, facecolors=[(*c[:3], 0.35) for c in colors], edgecolors=colors
    )
    axes.set_xscale("log")
    axes.set(
        xlabel="multiply-accumulates for one image",
        ylabel="published top-1 on ImageNet, %",
        title="Accuracy against computation; the area of a disc is the number of parameters",
    )
    axes.margins(0.08)
    axes.grid(color="0.92")
    axes.set_axisbelow(True)
    for count in (1e6, 1e7, 1e8):
        axes.scatter([], [], s=count * POINTS_PER_PARAMETER, color="0.5", alpha=0.4, linewidths=0,
                     label=f"{count / 1e6:.0f} M")  # fmt: skip
    axes.legend(title="parameters", loc="lower right", labelspacing=1.6, borderpad=1.2)
    figure.draw_without_rendering()  # fixes the limits, so that places can be told in pixels
    label(axes, list(rows), list(zip(macs, top1, strict=True)), areas, colors)
    figure.savefig(path)


def label(axes, names, points, areas, colors):
    """Writes each name next to its disc, where it covers no other name and as few discs as can be.

    A name that does not touch its disc is tied to it by a line.
    """
    pixels = axes.figure.dpi / 72
    centers = [tuple(axes.transData.transform(point)) for point in points]
    radii = [(area / pi) ** 0.5 * pixels for area in areas]
    frame = axes.get_window_extent()
    boxes, lines = [axes.get_legend().get_window_extent()], []
    # Of each disc the middle and four points towards its edge.
    marks = [
        (x + dx * r, y + dy * r)
        for (x, y), r in zip(centers, radii, strict=True)
        for dx, dy in ((0, 0), (0.8, 0), (-0.8, 0), (0, 0.8), (0, -0.8))
    ]

    def cost(box):
        """Covered names weigh most, then the frame, lines, discs, and the way to one's own disc."""
        gap, line = tie(centers[i], radii[i], box)
        covered = sum(overlap(box, other) for other in boxes)
        outside = 1 - overlap(box, frame) / (box.width * box.height)
        crossed = sum(box.contains(*p) for p in lines) + sum(
            other.contains(*p) for other in boxes for p in line
        )
        hidden = sum(box.contains(*mark) for mark in marks)
        return (
            1000 * (covered > 0)
            + 5000 * outside
            + 100 * crossed
            + 50 * hidden
            + abs(gap - 3 * pixels)
        )

    for i in sorted(range(len(names)), key=lambda i: -crowd(centers, i)):
        text = axes.annotate(names[i], points[i], fontsize=8)
        size = text.get_window_extent()
        text.remove()
        x, y = centers[i]
        box = min(places(x, y, radii[i], size.width + 4, size.height + 2, pixels), key=cost)
        gap, line = tie(centers[i], radii[i], box)
        boxes.append(box)
        if gap > 4 * pixels:
            lines += line
            ends = axes.transData.inverted().transform([line[0], line[-1]])
            axes.plot(*ends.T, color=colors[i], linewidth=0.7)
        middle = (box.x0 + box.x1) / 2 - x, (box.y0 + box.y1) / 2 - y
        axes.annotate(
            names[i], points[i], xytext=[d / pixels for d in middle], fontsize=8,
            textcoords="offset points", ha="center", va="center", color=darker(colors[i]),
        )  # fmt: skip


def tie(center, radius, box):
    """How far a box is from a disc's edge, and eleven points of the line between the two."""
    x, y = min(max(center[0], box.x0), box.x1), min(max(center[1], box.y0), box.y1)
    gap = hypot(x - center[0], y - center[1]) - radius
    start = radius / max(gap + radius, 1e-9)
    parts = [start + (1 - start) * k / 10 for k in range(11)]
    return gap, [(center[0] + (x - center[0]) * t, center[1] + (y - center[1]) * t) for t in parts]


def crowd(centers, i):
    """How many discs are around disc i: where it is crowded, names are placed first."""
    x, y = centers[i]
    return sum(hypot(x - a, y - b) < 150 for a, b in centers)


def places(x, y, radius, width, height, pixels):
    """Boxes around a disc at (x, y), in rings farther and farther away."""
    from matplotlib.transforms import Bbox

    for ring, step in product(range(14), range(24)):
        angle = 2 * pi * step / 24
        away = radius + pixels * (1 + 6 * ring)
        left = x + cos(angle) * (away + width / 2) - width / 2
        below = y + sin(angle) * (away + height / 2) - height / 2
        yield Bbox.from_bounds(left, below, width, height)


def overlap(a, b):
    """Area that two boxes share."""
    width = min(a.x1, b.x1) - max(a.x0, b.x0)
    height = min(a.y1, b.y1) - max(a.y0, b.y0)
    return max(width, 0) * max(height, 0)


def darker(color):
    """The color of a name: that of its disc, dark enough to be read."""
    return [0.6 * part for part in color[:3]]

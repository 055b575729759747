"""The zoo as a picture: what accuracy costs."""

from pathlib import Path

from kerascnn.analysis.labels import label
from kerascnn.errors import UserError, required, unknown
from kerascnn.extras import require
from kerascnn.files import replacing
from kerascnn.models import models, variant
from kerascnn.models.published import PROTOCOLS

CLASSES = 1000  # ImageNet's: accuracies on other data do not share an axis with these
POINTS_PER_PARAMETER = 1 / 120_000  # area of a disc, in square points


def zoo_chart(path: str | Path, *, pattern: str = "*", protocol: str = "one-crop") -> None:
    """Draws the ImageNet networks: MACs against published top-1, parameters as the area of a disc.

    Networks of one builder have one color. All is from the registry's rows: nothing is built, and
    nothing was measured here. What was published without a top-1, or measured by another protocol,
    is left out.

    Args:
        path: a .png or .svg file.
        pattern: shell pattern of names, as in `models`.
        protocol: how the accuracies were measured, a key of `PROTOCOLS`; the axis says it.

    Raises:
        UserError: another kind of file, one that cannot be written, an unknown protocol, no
            network to draw, or no extra `report`.
    """
    path = Path(path)
    if path.suffix not in (".png", ".svg"):
        raise UserError(f"path: expected a .png or .svg file, got {path.name!r}")
    rows = _rows(pattern, protocol)
    require("report", "a chart")
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
        ylabel=f"published top-1 on ImageNet, %\n{PROTOCOLS[protocol]}",
        title="Accuracy against computation; the area of a disc is the number of parameters",
    )
    axes.margins(0.08)
    axes.grid(color="0.92")
    axes.set_axisbelow(True)
    for count in (1e6, 1e7, 1e8):
        axes.scatter(
            [],
            [],
            s=count * POINTS_PER_PARAMETER,
            color="0.5",
            alpha=0.4,
            linewidths=0,
            label=f"{count / 1e6:.0f} M",
        )
    axes.legend(title="parameters", loc="lower right", labelspacing=1.6, borderpad=1.2)
    # Lays out, then fixes the layout, so that places can be told in pixels.
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    label(axes, list(rows), list(zip(macs, top1, strict=True)), areas, colors)
    with replacing(path) as temporary:
        figure.savefig(temporary)


def _rows(pattern, protocol):
    """Name -> row of the ImageNet networks that were measured so; UserError where there is none."""
    if protocol not in PROTOCOLS:
        raise unknown("protocol", protocol, PROTOCOLS)
    rows = {name: variant(name).row for name in models(pattern)}
    rows = {
        name: row
        for name, row in rows.items()
        if row.num_classes == CLASSES and row.top1 is not None
    }
    found = {
        name: row for name, row in rows.items() if required(row.published).protocol == protocol
    }
    if not found:
        others = sorted({required(row.published).protocol for row in rows.values()})
        way_out = (
            f"those have {', '.join(others)}" if others else "`kerascnn models` lists them all"
        )
        raise UserError(
            f"pattern: expected at least one network with a published ImageNet top-1 of "
            f"{protocol}, {pattern!r} matches none; {way_out}"
        )
    return found

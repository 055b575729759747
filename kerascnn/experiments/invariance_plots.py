"""How a network follows its images, as a picture and as a table."""

from typing import Any

from kerascnn.experiments.invariance import Invariance
from kerascnn.extras import require
from kerascnn.tables import Column, Table

DPI = 110
ERRORS = {
    "aligned": "multiples of the stride",
    "between": "between them",
    "aligned_inside": "multiples, inside",
    "between_inside": "between, inside",
}
UNITS = {"translation": "pixels", "scale": "factor", "rotation": "degrees"}


def invariance_figure(found: Invariance) -> Any:
    """Draws answers over translation, scale and rotation, and the equivariance of the stages.

    Raises:
        UserError: no extra `report`.
    """
    require("report", "a plot")
    from matplotlib.figure import Figure
    from matplotlib.ticker import PercentFormatter

    figure = Figure((13, 6), dpi=DPI, layout="constrained")
    grid = figure.add_gridspec(2, 3)
    for column, (movement, unit) in enumerate(UNITS.items()):
        axes = figure.add_subplot(grid[0, column])
        part = [one for one in found.answers if one.movement == movement]
        amounts = [one.amount for one in part]
        if right := [one.accuracy for one in part if one.accuracy is not None]:
            axes.plot(amounts, right, label="accuracy")
        axes.plot(amounts, [one.same for one in part], label="class stays")
        axes.plot(amounts, [one.change for one in part], "--", label="change of the outputs")
        axes.set(title=movement, xlabel=unit)
        axes.set_ylim(0, max(1.05, *(1.05 * one.change for one in part)))
        axes.yaxis.set_major_formatter(PercentFormatter(1))
        axes.grid(color="0.92")
        axes.legend(fontsize=8)
    axes = figure.add_subplot(grid[1, :])
    places = range(len(found.stages))
    for number, (key, told) in enumerate(ERRORS.items()):
        errors = [getattr(one, key) for one in found.stages]
        bars = axes.bar(
            [p + 0.2 * number - 0.3 for p in places], [e or 0 for e in errors], 0.2, label=told
        )
        marks = ["none" if e is None else f"{e:.0%}" for e in errors]
        axes.bar_label(bars, marks, fontsize=7)
    axes.set_xticks(places)
    axes.set_xticklabels(
        [f"{one.stage}\nstride {one.stride:g}" for one in found.stages],
        fontsize=8,
        parse_math=False,
        rotation=0 if len(found.stages) < 12 else 90,
    )
    axes.set(ylabel="equivariance error", title="features, where the image shifts by")
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.grid(color="0.92", axis="y")
    axes.set_axisbelow(True)
    axes.legend(fontsize=8)
    return figure


def invariance_tables(found: Invariance) -> tuple[Table, Table]:
    """(answers by movement and amount, stages)."""
    columns = [Column(x, right=True) for x in ("by", "change", "class stays", "accuracy")]
    answers = Table("movement", *columns, title=f"{found.images:,} images, moved")
    for one in found.answers:
        accuracy = "" if one.accuracy is None else f"{one.accuracy:.2%}"
        amount = f"{one.amount:g} {UNITS[one.movement]}"
        answers.add(one.movement, amount, f"{one.change:.2%}", f"{one.same:.2%}", accuracy)
    columns = [Column(x, right=True) for x in ("stride", *ERRORS.values())]
    stages = Table(
        "stage",
        *columns,
        title="Error of the features of the moved image against the moved features",
        caption="inside: of features that see no padding and nothing that came in",
    )
    for one in found.stages:
        errors = (getattr(one, key) for key in ERRORS)
        stages.add(one.stage, f"{one.stride:g}", *("" if x is None else f"{x:.2%}" for x in errors))
    return answers, stages

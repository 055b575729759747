"""An analysis and its fixes, as the terminal shows them."""

from kerascnn.console import styled
from kerascnn.errors import required
from kerascnn.tables import Column, Table

from .analysis import Analysis
from .case import Case
from .diagnosis import diagnose
from .fixes import Outcome
from .layer_table import worth_a_row

GOOD = 30.0  # dB
CLOSE = 0.5  # points, which is next to nothing: one image of 200


def explanation(analysis: Analysis) -> list[str]:
    """What the table says, and why the worst layers lose, in sentences."""
    lines = [
        _outcome(analysis),
        "share    of the loss: the error of the outputs when this layer alone rounds, over the sum",
        f"alone    points of {_measure(analysis)} lost when this layer alone rounds",
        "weights, outputs   their signal over their rounding noise, the mean of the channels;",
        f"         one bit is 6 dB, and {GOOD:g} dB are good",
        "so far   the same of the outputs, when all layers up to here round",
    ]
    causes = [f"{x.name}: {diagnose(x)}" for x in worth_a_row(analysis.layers) if diagnose(x)]
    if causes:
        lines += ["why", *(f"  {cause}" for cause in causes)]
    elif not _loses_little(analysis):
        lines.append("why: no layer stands out; the network as a whole needs more than 8 bits")
    if _loses_little(analysis):
        lines.append("rounding loses next to nothing here")
    return [f"  {line}" for line in lines]


def _outcome(analysis):
    of, without, rounded = analysis.images, analysis.float_accuracy, analysis.int8_accuracy
    if analysis.labelled:
        return (
            f"{of} validation images: {without:.1%} right without rounding, {rounded:.1%} rounded "
            "to int8"
        )
    stand = f"{of} images: rounded to int8, the outputs stand {analysis.snr:.1f} dB above the noise"
    return stand if rounded is None else f"{stand}, {rounded:.1%} have the label they had"


def _measure(analysis):
    return "accuracy" if analysis.labelled else "agreement"


def _loses_little(analysis):
    if analysis.int8_accuracy is None:
        return analysis.snr >= GOOD
    return round(100 * (analysis.float_accuracy - analysis.int8_accuracy), 6) <= CLOSE


def fixes(outcome: Outcome) -> Table:
    """The table of an `Outcome`: what each candidate costs."""
    table = Table(
        "tried",
        Column("right", right=True),
        Column("lost", right=True),
        Column("bytes", right=True),
        Column("ms", right=True),
        Column("of int8", right=True),
        "",
    )
    rows = zip(outcome.candidates, outcome.milliseconds, outcome.drops, strict=True)
    for number, (candidate, milliseconds, drop) in enumerate(rows):
        mark = ""
        if number == outcome.chosen:
            mark = "best" if len(outcome.candidates) > 2 else "enough"
            mark = styled("kept", "green") if outcome.delivery else mark
        table.add(
            candidate.what,
            f"{candidate.accuracy:.2%}",
            f"{drop:.2f}",
            f"{candidate.size:,}",
            f"{milliseconds:.4f}",
            f"{milliseconds / outcome.milliseconds[1]:.2f}x",
            mark,
        )
    return table


def summary(outcome: Outcome, case: Case, *, trained: bool) -> list[str]:
    """What came of the fixes, in sentences. trained: whether training was among them."""
    allowed, number = case.recipe.max_drop, outcome.chosen
    best, drop = outcome.candidates[number], outcome.drops[number]
    if number == 1 and drop <= allowed:
        lines = [
            f"Nothing to fix: the file loses {drop:.2f} points, its recipe allows {allowed:g}."
        ]
    elif outcome.delivery is None:
        lines = [
            f"None was enough. The best, {best.what}, loses {drop:.2f} points; the recipe "
            f"{case.recipe.name} allows {allowed:g}."
        ]
        if not trained:
            lines.append("--fix --train goes on with training for int8.")
    elif not (verdict := required(outcome.delivery.verdict)).passed:
        failed = next(c for c in verdict.checks if not c.passed)
        lines = [
            f"{best.what} would be enough, but its file was not kept: {failed.name}, "
            f"{failed.measured:.4g} where {failed.comparison} {failed.limit:g} is due."
        ]
    else:
        lines = [
            f"{best.what}: loses {drop:.2f} points, {allowed:g} are allowed; verified.",
            f"->  {outcome.delivery.path}",
            *_recipe_line(case, best),
        ]
    return [f"  {line}" for line in lines]


def _recipe_line(case, best):
    """Where the recipe of a fix stands, for what has a run to keep it in."""
    run = case.subject.run
    return [] if run is None else [f"    recipe {run.path / best.recipe.name / 'recipe.yaml'}"]

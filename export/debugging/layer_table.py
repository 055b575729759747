"""The layers of an analysis, as a table."""

from collections.abc import Sequence

from kerascnn.tables import Column, Table

from .diagnosis import diagnose
from .findings import EXACT, Layer

SHOWN = 0.01  # of the loss; what loses less is summed up in one line


def worst_layers(layers: Sequence[Layer]) -> Table:
    """The table of an analysis: the worst layers, and one line for those that lose nothing."""
    table = Table(
        "layer",
        Column("share", right=True),
        Column("alone", right=True),
        Column("weights", right=True),
        Column("outputs", right=True),
        Column("so far", right=True),
    )
    shown = worth_a_row(layers)
    for layer in shown:
        outputs = layer.activations
        table.add(
            layer.name,
            f"{layer.share:.1%}",
            "" if layer.alone is None else f"{layer.alone:.1f}",
            _decibels(layer.weights and layer.weights.snr),
            _decibels(outputs and outputs.snr),
            _decibels(outputs and outputs.accumulated),
        )
    rest = [layer for layer in layers if layer not in shown]
    if rest:
        table.add(f"{len(rest)} other{'s' * (len(rest) > 1)}", f"{sum(x.share for x in rest):.1%}")
    return table


def worth_a_row(layers: Sequence[Layer]) -> list[Layer]:
    """The layers that lose something, or of which there is something to say."""
    return [layer for layer in layers if layer.share >= SHOWN or diagnose(layer)]


def _decibels(value):
    if value is None:
        return ""
    return "exact" if value >= EXACT - 0.5 else f"{value:.1f} dB"

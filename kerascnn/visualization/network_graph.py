"""The graph of a network as a picture: its blocks, their shapes, what they cost."""

import math
import re
from dataclasses import dataclass, field
from typing import Any

import keras

from kerascnn.analysis import describe
from kerascnn.analysis.graph import walk

LINES = 14  # blocks in a column
WIDE, HIGH = 3.4, 0.62  # inches of a place for a block
BLOCK = re.compile(r"(stem|head|stage\d+(?:_(?:block|module)\d+)?)(?=_|$)")


@dataclass
class Block:
    """Layers that are drawn as one. sources: numbers of the blocks that it reads."""

    name: str
    layers: int = 0
    params: int = 0
    macs: int = 0
    shape: tuple = ()
    sources: set[int] = field(default_factory=set)


def blocks_of(model: keras.Model) -> list[Block]:
    """The blocks of a network in order, by the names of its layers, with what each reads.

    Layers named stage1_block2_* make the block stage1_block2; where there are no such names, each
    layer is a block.

    Raises:
        UserError: a model that is no graph.
    """
    graph, rows = walk(model), describe(model).layers
    blocks: list[Block] = []
    homes: dict[Any, int] = {}
    for call, row in zip(graph.calls, rows, strict=True):
        found = BLOCK.match(row.name)
        name = found[1] if found else row.name
        if not blocks or blocks[-1].name != name:
            blocks.append(Block(name))
        block, number = blocks[-1], len(blocks) - 1
        block.layers += 1
        block.params += row.params
        block.macs += row.macs or 0
        block.shape = row.output_shape
        block.sources |= {homes[x] for x in call.inputs} - {number}
        homes |= dict.fromkeys(call.outputs, number)
    return blocks


def network_figure(model: keras.Model) -> Any:
    """Draws the blocks of a network, downwards, column by column.

    In a box: the name, how many layers, the shape of the output, trainable parameters,
    multiply-accumulates; the bar behind is the share of all multiply-accumulates. Lines lead from
    a block to those that read it; those that pass over others are drawn at the side.

    Returns:
        A matplotlib figure.
    """
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    blocks = blocks_of(model)
    columns = math.ceil(len(blocks) / LINES)
    lines = min(LINES, len(blocks))
    figure = Figure((WIDE * columns, HIGH * (lines + 0.5)), dpi=110)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, columns), ylim=(lines + 0.3, -0.3))
    axes.set_axis_off()
    most = max((block.macs for block in blocks), default=0) or 1
    for number, block in enumerate(blocks):
        left, top = number // LINES + 0.06, number % LINES + 0.1
        share = 0.7 * block.macs / most
        axes.add_patch(Rectangle((left, top), share, 0.66, color="#cfe3fb", lw=0))
        axes.add_patch(Rectangle((left, top), 0.7, 0.66, fill=False, color="#55606e", lw=0.9))
        shape = "x".join("?" if n is None else str(n) for n in block.shape)
        cost = f"{_short(block.params)} parameters, {_short(block.macs)} MACs"
        many = f", {block.layers} layers" if block.layers > 1 else ""
        first = f"{block.name}{many}"
        axes.text(left + 0.02, top + 0.2, first, fontsize=7.5, va="center", parse_math=False)
        axes.text(left + 0.02, top + 0.47, f"{shape}   {cost}", fontsize=6.5, va="center")
        for source in sorted(block.sources):
            _join(axes, source, number)
    return figure


def _join(axes, source, number):
    """A line from a block to one that reads it: down, at the side, or to the next column."""
    (column, line), (to_column, to_line) = (divmod(n, LINES) for n in (source, number))
    style = {"arrowstyle": "-|>", "color": "#55606e", "lw": 0.9, "shrinkA": 0, "shrinkB": 0}
    if column == to_column and number == source + 1:
        start, end = (column + 0.41, line + 0.76), (column + 0.41, to_line + 0.1)
    else:
        start, end = (column + 0.76, line + 0.43), (to_column + 0.76, to_line + 0.43)
        if column == to_column:
            bend = min(0.5, 0.08 + 0.03 * (number - source))
            style["connectionstyle"] = f"bar,fraction={-bend / max(number - source, 1):.3f}"
        else:
            end = (to_column + 0.06, to_line + 0.43)
            style["connectionstyle"] = "arc3,rad=0.05"
    axes.annotate("", xy=end, xytext=start, arrowprops=style)


def _short(number):
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:.3g} {letter}"
    return str(number)

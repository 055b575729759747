"""Tables for the terminal that show every name and number in full, however narrow it is."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.cells import cell_len
from rich.measure import Measurement
from rich.table import Column as RichColumn
from rich.table import Table as RichTable
from rich.text import Text

from kerascnn.console import Console, printable, styled

GAP = 2  # blanks between columns that have no frame


@dataclass(frozen=True)
class Column:
    """heading: may be empty. right: whether its cells, numbers, end below each other."""

    heading: str
    right: bool = False


class Table:
    """A table that a console prints: in a frame where it fits, else each row in several lines.

    What is not a terminal, as a pipe or a file, gets it in the frame at its full width.

    Args:
        columns: a `Column` each, or the heading of one.
        title, caption: lines above and below. footer: a cell for each column, or none.
    """

    def __init__(
        self, *columns: str | Column, title: str = "", caption: str = "", footer: Sequence[Any] = ()
    ) -> None:
        self.columns = [Column(c) if isinstance(c, str) else c for c in columns]
        self.title, self.caption, self.footer = title, caption, footer
        self.rows = []

    def add(self, *cells: str | Text) -> None:
        """Adds a row: strings, or what `styled` returns; cells that are not given are empty."""
        self.rows.append([*cells, *[""] * (len(self.columns) - len(cells))])

    def __str__(self):
        """The table as a script prints it: in its frame, at its full width."""
        text = io.StringIO()
        Console(file=text, width=10**4).print(self)
        return "\n".join(line.rstrip() for line in text.getvalue().splitlines())

    def __rich_console__(self, console, options):
        framed = self._framed()
        width = Measurement.get(console, options.update_width(10**6), framed).maximum
        if self.title:
            yield styled(self.title, "italic")
        if console.is_terminal and width > options.max_width:
            yield from self._folded(options.max_width)
        else:
            framed.width = width
            yield framed
        if self.caption:
            yield styled(self.caption, "dim italic")

    def _framed(self):
        footer = self.footer or [""] * len(self.columns)
        columns = [
            RichColumn(
                column.heading,
                printable(foot),
                justify="right" if column.right else "left",
                no_wrap=True,
                overflow="fold",
            )
            for column, foot in zip(self.columns, footer, strict=True)
        ]
        table = RichTable(*columns, show_footer=bool(self.footer))
        for row in self.rows:
            table.add_row(*row)
        return table

    def _folded(self, most):
        """Lines of at most `most` characters each, if no single cell is longer.

        Columns that fit side by side make a line, and the next ones a line below, indented.
        """
        headings = [styled(column.heading, "bold") for column in self.columns]
        rows = [headings, *self.rows, *([self.footer] if self.footer else [])]
        rows = [[c if isinstance(c, Text) else styled(c, "") for c in row] for row in rows]
        widths = [max(cell_len(row[i].plain) for row in rows) for i in range(len(self.columns))]
        groups = _side_by_side(widths, most)
        for row in rows:
            for group in groups:
                line = Text(" " * GAP * (group is not groups[0]), no_wrap=True, overflow="ignore")
                for number, i in enumerate(group):
                    blanks = " " * (widths[i] - cell_len(row[i].plain))
                    parts = (blanks, row[i]) if self.columns[i].right else (row[i], blanks)
                    line.append(" " * GAP * (number > 0))
                    for part in parts:
                        line.append(part)
                line.rstrip()
                if line.plain:
                    yield line


def _side_by_side(widths, most):
    """Numbers of columns in groups that fit into a line: [0, 1, 2], [3, 4]."""
    groups, used = [[]], 0
    for i, width in enumerate(widths):
        if groups[-1] and used + GAP + width > most:
            groups.append([])
            used = 0
        used += (GAP if groups[-1] or len(groups) > 1 else 0) + width
        groups[-1].append(i)
    return groups

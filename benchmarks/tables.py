"""Rows of figures as tables: in a terminal, and as a page of Markdown."""

from kerascnn.console import console
from kerascnn.files import write_text
from kerascnn.tables import Table


def cells(rows):
    """The columns of rows, dicts of figures, and what stands in them."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    return columns, [[written(row.get(column)) for column in columns] for row in rows]


def show(title, rows):
    """Prints rows as a table."""
    columns, lines = cells(rows)
    table = Table(*columns, title=title)
    for line in lines:
        table.add(*line)
    console.print(table)


def page(head, tables):
    """The lines of `head`, and below them the tables, title -> rows, as Markdown."""
    lines = list(head)
    for title, rows in tables.items():
        columns, found = cells(rows)
        lines += ["", f"## {title}", ""]
        lines += [f"| {' | '.join(line)} |" for line in (columns, ["---"] * len(columns), *found)]
    return "\n".join(lines) + "\n"


def written(value):
    if isinstance(value, float):
        return f"{value:.4f}" if value < 1.5 else f"{value:,.1f}"
    return "" if value is None else f"{value:,}" if isinstance(value, int) else value


def write_between(path, mark, lines):
    """Writes lines between `<!-- mark -->` and `<!-- end mark -->` of a page that has both."""
    opening, closing = f"<!-- {mark} -->\n", f"<!-- end {mark} -->"
    before, rest = path.read_text(encoding="utf-8").split(opening)
    after = rest[rest.index(closing) :]
    write_text(path, before + opening + "\n".join(["", *lines, "", ""]) + after)

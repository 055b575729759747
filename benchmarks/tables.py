"""Rows of figures as tables: in a terminal, and as a page of Markdown."""

from kerascnn.console import console
from kerascnn.files import write_text
from kerascnn.tables import Table

RELIABILITY = """# Reliability

What happens to commands that are killed, and to input that nobody meant. Each section is written by
the command that it names.
"""


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
        lines += ["", f"## {title}", "", *table_lines(rows)]
    return "\n".join(lines) + "\n"


def table_lines(rows):
    """The lines of rows as a table of Markdown."""
    columns, found = cells(rows)
    return [f"| {' | '.join(line)} |" for line in (columns, ["---"] * len(columns), *found)]


def put_section(path, name, lines):
    """Puts lines between the markers of a section of the page on reliability; the rest stays.

    A page that is missing is made, with both of its sections.
    """
    text = path.read_text(encoding="utf-8") if path.exists() else RELIABILITY
    for section in dict.fromkeys((name, "kills", "fuzz")):
        if f"<!-- {section} -->" not in text:
            text += f"\n<!-- {section} -->\n<!-- end {section} -->\n"
    before, _, rest = text.partition(f"<!-- {name} -->\n")
    _, end, after = rest.partition(f"<!-- end {name} -->")
    body = "\n".join(lines)
    write_text(path, f"{before}<!-- {name} -->\n{body}\n{end}{after}")


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

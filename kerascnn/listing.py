"""The list of the networks, from their rows alone: Keras is not needed to read it.

models/rows.json holds the figures of every registered network, as `make rows` writes them; a test
holds that they are those of the registry.
"""

import fnmatch
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kerascnn.files import read_json
from kerascnn.tables import Column, Table

ROWS = Path(__file__).parent / "models" / "rows.json"
COLUMNS = (
    Column("name"),
    *(Column(h, right=True) for h in ("year", "parameters", "MACs", "input", "top-1", "top-5")),
    Column("protocol"),
    Column("published by"),
)


def networks(pattern: str = "*") -> list[dict[str, Any]]:
    """The figures of the networks that match a shell `pattern`, by year, then by name.

    As `kerascnn.analysis.models_figures` gives them.
    """
    rows = read_json(ROWS)["networks"]
    names = set(fnmatch.filter([row["name"] for row in rows], pattern))
    return [row for row in rows if row["name"] in names]


def networks_table(rows: Sequence[dict[str, Any]], pattern: str = "*") -> Table:
    """Figures of networks as a table for the terminal; `pattern` is what they were asked by."""
    title = "Networks" if pattern == "*" else f"Networks like {pattern}"
    table = Table(*COLUMNS, title=title)
    for row in rows:
        table.add(*_cells(row))
    return table


def networks_markdown(rows: Sequence[dict[str, Any]]) -> str:
    """The same table as Markdown."""
    headings = [column.heading for column in COLUMNS]
    rules = ["---:" if column.right else "---" for column in COLUMNS]
    lines = [headings, rules, *map(_cells, rows)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _cells(row):
    costs = f"{row['parameters']:,}", f"{row['macs']:,}", "x".join(map(str, row["input"]))
    rates = ("" if rate is None else f"{rate:.1f}" for rate in (row["top1"], row["top5"]))
    return row["name"], str(row["year"]), *costs, *rates, row["protocol"] or "", row["source"] or ""

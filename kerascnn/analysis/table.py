"""Tables for the terminal: the zoo, and one network."""

from collections.abc import Sequence
from typing import Any

from kerascnn.analysis.description import Description
from kerascnn.models import models, variant
from kerascnn.tables import Column, Table

HEADINGS = ("name", "year", "parameters", "MACs", "input", "top-1")


def models_table(pattern: str = "*") -> Table:
    """The registered networks that match `pattern`, by year. From their rows: nothing is built."""
    title = "Networks" if pattern == "*" else f"Networks like {pattern}"
    table = Table(HEADINGS[0], *[Column(h, right=True) for h in HEADINGS[1:]], title=title)
    for cells in _rows(pattern):
        table.add(*cells)
    return table


def models_figures(pattern: str = "*") -> list[dict[str, Any]]:
    """The figures of the same table: a list of dicts; top1 in percent, None where none is."""
    found = []
    for name in models(pattern):
        known = variant(name)
        row = known.row
        found.append(
            {
                "name": name,
                "year": known.year,
                "parameters": row.params,
                "macs": row.macs,
                "input": list(row.input_shape),
                "top1": row.top1,
            }
        )
    return found


def models_markdown(pattern: str = "*") -> str:
    """The same table as Markdown, which README shows."""
    lines = [HEADINGS, ("---", *["---:"] * (len(HEADINGS) - 1)), *_rows(pattern)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _rows(pattern):
    for name in models(pattern):
        found = variant(name)
        row = found.row
        top1 = "" if row.top1 is None else f"{row.top1:.1f}"
        size = shape(row.input_shape)
        yield name, str(found.year), f"{row.params:,}", f"{row.macs:,}", size, top1


def describe_table(description: Description) -> Table:
    """A `Description`, one line a layer, with the sums below."""
    d = description
    numbers = ("output", "parameters", "MACs", "memory", "sees", "stride", "offset")
    sums = (f"{d.params:,}", f"{d.macs:,}", size(d.memory.total))
    table = Table(
        "layer",
        "kind",
        *[Column(heading, right=True) for heading in numbers],
        title=f"{d.name}, activations in {d.precision}",
        caption=caption(d),
        footer=("total", "", "", *sums, "", "", ""),
    )
    for row in d.layers:
        seen = row.receptive_field or ()
        table.add(
            row.name,
            row.kind,
            outputs(row.output_shape),
            zero_blank(row.params),
            "?" if row.macs is None else zero_blank(row.macs),
            size(row.memory),
            *(axes([getattr(x, field) for x in seen]) for field in ("size", "stride", "offset")),
        )
    return table


def kinds_table(description: Description) -> Table:
    """Parameters and MACs of a `Description` by kind of layer."""
    numbers = [Column(heading, right=True) for heading in ("layers", "parameters", "", "MACs", "")]
    table = Table("kind", *numbers, title=f"{description.name}, by kind")
    for row in description.by_kind:
        shares = (
            f"{part / whole:.1%}" if whole else ""
            for part, whole in ((row.params, description.params), (row.macs, description.macs))
        )
        params, macs = shares
        table.add(row.kind, str(row.calls), f"{row.params:,}", params, f"{row.macs:,}", macs)
    return table


def caption(description: Description) -> str:
    memory = description.memory
    text = f"peak {size(memory.peak)}, at {memory.peak_at}"
    if description.params_total != description.params:
        text += f"; {description.params_total - description.params:,} parameters not trainable"
    if description.uncounted:
        text += f"; MACs without {', '.join(description.uncounted)}"
    return text


def size(number: float) -> str:
    """Bytes in the unit that keeps three or four digits: 1 kB is 1000 bytes."""
    if number < 10_000:
        return f"{number} B"
    return f"{number / 1e3:.1f} kB" if number < 1e6 else f"{number / 1e6:.2f} MB"


def shape(sizes: Sequence[int | None]) -> str:
    return "x".join(str(n) for n in sizes)


def outputs(shapes: Sequence[Sequence[int | None]]) -> str:
    several = bool(shapes) and isinstance(shapes[0], tuple)
    return ", ".join(map(shape, shapes)) if several else shape(shapes)


def axes(values: Sequence[int]) -> str:
    """One value where all axes agree, else all of them."""
    return str(values[0]) if len(set(values)) == 1 else "x".join(map(str, values))


def zero_blank(number: int) -> str:
    return f"{number:,}" if number else ""

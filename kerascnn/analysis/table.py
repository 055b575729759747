"""Tables for the terminal: the zoo, and one network."""

from collections.abc import Sequence
from typing import Any

from kerascnn.analysis.described import Description
from kerascnn.files import write_json
from kerascnn.listing import ROWS, networks_markdown, networks_table
from kerascnn.models import models, variant
from kerascnn.tables import Column, Table


def models_table(pattern: str = "*") -> Table:
    """The registered networks that match `pattern`, by year. From their rows: nothing is built."""
    return networks_table(models_figures(pattern), pattern)


def models_figures(pattern: str = "*") -> list[dict[str, Any]]:
    """The figures of the same table: a list of dicts.

    top1, top5: in percent, None where none is known. protocol: how they were measured, a key of
    `kerascnn.models.published.PROTOCOLS`; source: who published them; both None without a top1.
    """
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
                "top5": row.top5,
                "protocol": row.published and row.published.protocol,
                "source": row.published and row.published.source,
            }
        )
    return found


def models_markdown(pattern: str = "*") -> str:
    """The same table as Markdown, which README shows."""
    return networks_markdown(models_figures(pattern))


def write_rows() -> None:
    """Writes what `kerascnn models` lists without Keras: the figures of all registered networks."""
    write_json(ROWS, {"networks": models_figures()})


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


OPTIMIZERS = ("sgd", "momentum", "adam")  # that keep nothing, a number, two for each weight


def training_table(
    description: Description, *, batch: int = 32, memory: int | None = None
) -> Table:
    """What training a network takes, a line an optimizer; `memory`, bytes: how many images fit."""
    d = description.training
    headings = ["weights", "gradients", "optimizer", f"batch of {batch}"]
    fits = [] if memory is None else [f"images in {size(memory)}"]
    table = Table(
        "training with",
        *[Column(heading, right=True) for heading in [*headings, *fits]],
        title=f"{description.name}, training, activations in {description.precision}",
        caption=f"an image: forward {size(d.forward)}, backward {size(d.backward)}",
    )
    for name in OPTIMIZERS:
        parts = d.weights, d.gradients, d.optimizer(name), d.total(batch, name)
        count = [] if memory is None else [f"{d.images(memory, name):,}"]
        table.add(name, *(size(part) for part in parts), *count)
    if memory is not None:
        peak = description.memory.peak
        images = max(0, memory - d.weights) // peak
        table.add(
            "inference", size(d.weights), "", "", size(d.weights + batch * peak), f"{images:,}"
        )
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
    if number < 1e6:
        return f"{number / 1e3:.1f} kB"
    return f"{number / 1e6:.2f} MB" if number < 1e9 else f"{number / 1e9:.2f} GB"


def shape(sizes: Sequence[int | None]) -> str:
    return "x".join(str(n) for n in sizes)


def outputs(shapes: Sequence[Any]) -> str:
    several = bool(shapes) and isinstance(shapes[0], tuple)
    return ", ".join(map(shape, shapes)) if several else shape(shapes)


def axes(values: Sequence[int]) -> str:
    """One value where all axes agree, else all of them."""
    return str(values[0]) if len(set(values)) == 1 else "x".join(map(str, values))


def zero_blank(number: int) -> str:
    return f"{number:,}" if number else ""

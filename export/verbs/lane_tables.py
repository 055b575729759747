"""The figures of lanes in a terminal."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from kerascnn.console import console
from kerascnn.tables import Column, Table


def say_timings(timings: Sequence[Any]) -> None:
    """Prints files that were timed in turn: a table, what on, ratios to the first, drift."""
    numbers = ("threads", "median ms", "p90 ms", "min ms", "ratio")
    table = Table("file", "engine", *[Column(heading, right=True) for heading in numbers])
    for t in timings:
        table.add(
            Path(t.file).name,
            f"{t.engine} {t.version}",
            str(t.threads),
            f"{t.median:.4f}",
            f"{t.p90:.4f}",
            f"{t.minimum:.4f}",
            f"{t.ratio:.2f}",
        )
    console.print(table)
    for line in sorted({f"{Path(t.file).name}: timed on {t.inputs}" for t in timings}):
        console.print(f"  {line}", highlight=False)
    for t in timings[1:]:
        low, high = t.interval
        console.print(
            f"  {Path(t.file).name}: {t.ratio:.2f} of {Path(timings[0].file).name}, "
            f"95 % between {low:.2f} and {high:.2f}",
            highlight=False,
        )
    for t in timings:
        if t.drift:
            name = Path(t.file).name
            console.print(f"  {name}: {told_drift(asdict(t.drift))}", highlight=False)


def say_lanes(
    record: Mapping[str, Any],
    figures: Sequence[Any],
    lanes: Sequence[Any],
    changes: Sequence[Any],
    *,
    limit: float,
    operators: bool,
) -> None:
    """Prints what lanes gave.

    Args:
        record: of the `figures`. changes: ratios to a baseline, marked where over `limit`.
        operators: show what each operator takes, too.
    """
    for table in lane_tables(figures, lanes):
        console.print(table)
    for table in operator_tables(record) if operators else ():
        console.print(table)
    for row in record["figures"]:
        if drift := row["details"].get("drift"):
            where = f"{Path(row['file']).name}, {row['lane']} {row['setting']}".strip()
            console.print(f"  {where}: {told_drift(drift)}", highlight=False)
    for change in changes:
        ratio = "gone" if change.ratio is None else f"{change.ratio:.3f}"
        mark = f"  over {limit:g}" if change.exceeds else ""
        where = f"{change.lane} {change.setting}".strip()
        console.print(f"  {change.file}, {where}: {ratio}{mark}", highlight=False)


def lane_tables(figures: Sequence[Any], lanes: Sequence[Any]) -> Iterator[Table]:
    """A table for each kind of evidence: figures of two kinds never share a column."""
    from ..lanes.lane import MEANING

    titles = {lane.name: lane.title for lane in lanes}
    for evidence, meaning in MEANING.items():
        rows = [figure for figure in figures if figure.evidence == evidence]
        if not rows:
            continue
        table = Table(
            "file",
            "lane",
            "setting",
            Column("figure", right=True),
            "",
            title=f"{evidence}: {meaning}",
        )
        for row in rows:
            value = "" if row.value is None else f"{row.value:,.4g}"
            if row.value is not None and row.unit != "ms":
                value = f"{row.value:,.0f}"
            table.add(
                Path(row.file).name,
                titles[row.lane],
                row.setting,
                value,
                row.refused or row.unit,
            )
        yield table


def operator_tables(record: Mapping[str, Any]) -> Iterator[Table]:
    """What operators take: the ten dearest by layer, all by kind, and what was fused."""
    from ..lanes.breakdown import breakdowns

    for found in breakdowns(record):
        title = f"{Path(found.file).name}, {found.lane}"
        if found.reason:
            yield Table("what operators take", title=f"{title}: {found.reason}")
            continue
        title += f": {found.told:.4g} ms under the profiler, {found.median:.4g} ms without it"
        numbers = (Column("ms", right=True), Column("share", right=True))
        table = Table("layer", "operator", *numbers, title=title)
        for layer, operator, taken, share in found.top:
            table.add(layer, operator, f"{taken:.4f}", f"{share:.0%}")
        yield table
        table = Table("kind", Column("operators", right=True), *numbers)
        for operator, count, taken, share in found.kinds:
            table.add(operator, str(count), f"{taken:.4f}", f"{share:.0%}")
        yield table
        if found.fused:
            counts = (Column("in the file", right=True), Column("in what ran", right=True))
            table = Table("fused", *counts)
            for name, before, after in found.fused:
                table.add(name, str(before), str(after))
            yield table


def told_drift(drift: Mapping[str, float]) -> str:
    """A `Drift` in words."""
    return (
        f"{drift['minutes']:g} min: first minute {drift['first']:.4f} ms, last "
        f"{drift['last']:.4f} ms, {drift['ratio']:.2f} of it"
    )

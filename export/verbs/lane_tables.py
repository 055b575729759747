"""The figures of lanes as tables in a terminal."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from kerascnn.tables import Column, Table


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

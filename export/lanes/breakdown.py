"""Where the time of a file goes: the dearest operators by layer, and all of them by kind."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..runtimes.operator_times import OperatorTime, by_kind

TOP = 10


@dataclass(frozen=True)
class Breakdown:
    """One file on one lane.

    top: the ten dearest operators, (layer, operator, milliseconds, share of all). kinds: (operator,
    how many, milliseconds, share of all). told: milliseconds of all operators, as the profiler
    tells them; median: of a whole run, as the clock does. fused: (operator, how many in the file,
    how many in what ran), where the runtime tells. reason: why there is none of this, else "".
    """

    file: str
    lane: str
    top: list[tuple[str, str, float, float]]
    kinds: list[tuple[str, int, float, float]]
    told: float
    median: float
    fused: list[tuple[str, int, int]]
    reason: str = ""


def breakdowns(record: Mapping[str, Any]) -> list[Breakdown]:
    """Those of a record of `lanes.record` that were measured with `Options.operators`."""
    found = []
    for row in record["figures"]:
        details, ends = row["details"], (row["file"], row["lane"])
        if reason := details.get("unprofiled"):
            found.append(Breakdown(*ends, [], [], 0.0, row["value"], [], reason))
        elif "operators" in details:
            times = [OperatorTime(**time) for time in details["operators"]]
            found.append(_breakdown(*ends, times, row["value"], details["fused"]))
    return found


def _breakdown(file, lane, times, median, fused):
    told = sum(time.milliseconds for time in times)
    whole = told or 1.0
    dearest = sorted(times, key=lambda time: -time.milliseconds)[:TOP]
    return Breakdown(
        file,
        lane,
        [(t.layer, t.operator, t.milliseconds, t.milliseconds / whole) for t in dearest],
        [(name, count, taken, taken / whole) for name, count, taken in by_kind(times)],
        told,
        median,
        _changes(*fused) if fused else [],
    )


def _changes(before, after):
    """What there is another number of: fused, made by a fusion, or moved."""
    names = sorted(
        {*before, *after}, key=lambda name: -max(before.get(name, 0), after.get(name, 0))
    )
    pairs = [(name, before.get(name, 0), after.get(name, 0)) for name in names]
    return [pair for pair in pairs if pair[1] != pair[2]]

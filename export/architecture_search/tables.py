"""What a search found, as a table, as figures and as a picture."""

from pathlib import Path
from typing import Any

from kerascnn.analysis import Point, pareto_chart
from kerascnn.tables import Column, Table

from .candidates import Candidate
from .halving import Search, plural

CHART = "search.png"


def figures(found: Search) -> list[dict[str, Any]]:
    """A dict for each candidate, the best first: accuracy is a list, a share for each rung."""
    return [
        {
            "rank": rank,
            "candidate": one.name,
            "network": one.network,
            "arguments": one.arguments,
            "macs": one.macs,
            "bytes": one.bytes,
            "epochs": list(found.epochs[: len(one.accuracy)]),
            "accuracy": one.accuracy,
            "diverged": one.diverged,
            "run": str(found.run(one)) if one.accuracy else None,
        }
        for rank, one in enumerate(found.candidates, start=1)
    ]


def table(found: Search) -> Table:
    """A line for each candidate, the best first."""
    asked = found.asked
    rungs = [Column(plural(epochs), right=True) for epochs in found.epochs]
    costs = [Column("MACs", right=True), Column("bytes", right=True)]
    made = Table(
        "candidate",
        "arguments",
        *costs,
        *rungs,
        title=f"at most {asked.macs:,} MACs and {asked.bytes:,} bytes ({asked.search.recipe})",
        caption="accuracy on the validation images; one seed each",
    )
    for one in found.candidates:
        reached = [f"{share:.2%}" for share in one.accuracy]
        reached += ["diverged"] if one.diverged else []
        made.add(one.name, _told(one), f"{one.macs:,}", f"{one.bytes:,}", *reached)
    return made


def chart(found: Search) -> Path | None:
    """Draws accuracy against MACs into the folder of a search; None where all diverged."""
    rungs = [(one, len(one.accuracy)) for one in found.candidates if one.accuracy]
    if not rungs:
        return None
    points = [
        Point(one.name, one.macs, one.bytes, 100 * one.accuracy[-1], plural(found.epochs[n - 1]))
        for one, n in rungs
    ]
    path = found.path / CHART
    pareto_chart(path, points, accuracy="top-1 on the validation images, %")
    return path


def _told(one: Candidate) -> str:
    return ", ".join(f"{key}={value}" for key, value in one.arguments.items())

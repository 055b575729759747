"""What a verb says of files that were checked."""

from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from kerascnn.console import complaints, console
from kerascnn.tables import Column, Table

if TYPE_CHECKING:  # it brings NumPy, for which no list of verbs has to wait
    from ..proof.checks import Verdict


def print_verdicts(rows: Iterable[tuple[Path | str, str, "Verdict"]]) -> None:
    """Prints the table of what was checked, and what it leaves in doubt.

    rows: of (path, engine, verdict).
    """
    table = Table("file", "engine", "check", Column("measured", right=True), "limit", "")
    for path, engine, verdict in rows:
        for number, check in enumerate(verdict.checks):
            table.add("" if number else Path(path).name, "" if number else engine, *check.cells)
    console.print(table)
    for path, _, verdict in rows:
        if verdict.doubt:
            console.print(f"  {Path(path).name}: that it passed {verdict.doubt}")


def print_comparison(comparison: Any) -> None:
    """Prints by how much each output of a file differs, and what was done to find that out."""
    headings = ("largest", "noise", "step", "mean steps", "most", "within 1")
    table = Table("output", "in the file", *[Column(h, right=True) for h in headings])
    for d in comparison.differences:
        steps = ("",) * 4
        if d.step is not None:
            steps = (
                f"{d.step:.6g}",
                f"{d.mean_steps:.2f}",
                str(d.most_steps),
                f"{d.within_a_step:.1%}",
            )
        table.add(d.name, f"{d.called} {d.dtype}", f"{d.largest:.6g}", f"{d.noise:.3%}", *steps)
    console.print(table)
    noise = " of noise" * comparison.noise
    islands = [f"in float: {x.operator}, which makes {x.tensor}" for x in comparison.islands]
    for line in (f"compared on {comparison.samples} inputs{noise}", *comparison.notes, *islands):
        console.print(f"  {line}", highlight=False)


def verdict_figures(path: Path | str, engine: str, verdict: "Verdict") -> dict[str, Any]:
    """What --json prints of a file that was checked."""
    facts = {f.name: getattr(verdict, f.name) for f in fields(verdict)}
    checks = [check.as_dict() for check in verdict.checks]
    return {"file": path, "engine": engine, "passed": verdict.passed, **facts, "checks": checks}


def fail_unless(passed: bool) -> None:
    """Ends with exit code 1 where a file did not pass."""
    if not passed:
        complaints.print("a file differs from its model and was not kept or must not be used")
        raise typer.Exit(1)

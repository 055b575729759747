"""What a verb says of files that were checked."""

import typer

from kerascnn.console import complaints, console, styled
from kerascnn.tables import Column, Table


def print_verdicts(rows):
    """Prints the table of what was checked, and what it leaves in doubt.

    rows: of (path, engine, verdict).
    """
    table = Table("file", "engine", "check", Column("measured", right=True), "limit", "")
    for path, engine, verdict in rows:
        for number, check in enumerate(verdict.checks):
            table.add(
                "" if number else path.name, "" if number else engine, check.name,
                f"{check.measured:.6g}", f"{check.comparison} {check.limit:g}",
                styled("ok", "green") if check.passed else styled("FAILED", "red"),
            )  # fmt: skip
    console.print(table)
    for path, _, verdict in rows:
        if verdict.doubt:
            console.print(f"  {path.name}: that it passed {verdict.doubt}")


def fail_unless(passed):
    """Ends with exit code 1 where a file did not pass."""
    if not passed:
        complaints.print("a file differs from its model and was not kept or must not be used")
        raise typer.Exit(1)

"""The verbs that say what hardware is here, and what suits another: doctor, recommend."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from kerascnn.cli import CsvOption, JsonOption, app, only_one
from kerascnn.console import console, print_csv, print_json
from kerascnn.tables import Table

ForOption = Annotated[
    str, typer.Option("--for", help="phone-cpu, phone-npu, mcu, browser or server.")
]


@app.command()
def doctor(as_json: JsonOption = False, as_csv: CsvOption = False) -> None:
    """Says which lanes this machine has, and what to install for the others.

    Example: kerascnn doctor
    """
    only_one(as_json, as_csv)
    from ..lanes import LANES, available

    probes = available()
    rows = [
        {
            "lane": name,
            "title": LANES[name].title,
            "evidence": LANES[name].evidence,
            "available": probe.available,
            "versions": probe.versions,
            "missing": probe.missing,
            "licence": LANES[name].licence,
        }
        for name, probe in probes.items()
    ]
    if as_json:
        print_json(rows)
        return
    if as_csv:
        print_csv(
            [
                {**row, "versions": " ".join(f"{k} {v}" for k, v in row["versions"].items())}
                for row in rows
            ]
        )
        return
    table = Table("lane", "evidence", "here", "versions, or what it needs")
    for row in rows:
        versions = ", ".join(f"{k} {v}" for k, v in row["versions"].items())
        here = "yes" if row["available"] else "no"
        table.add(row["lane"], row["evidence"], here, versions or row["missing"])
    console.print(table)


@app.command()
def recommend(
    target: ForOption,
    source: Annotated[
        Path | None, typer.Argument(metavar="[SOURCE]", help="A run, or a file to look at.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Names the recipe and the file for a kind of hardware, why, and what it costs.

    Given a run it prints the commands; given a .tflite or .onnx file it says what is against it.

    Example: kerascnn recommend runs/demo --for phone-cpu
    """
    from ..lanes.recommendation import objections, recommend, way

    advice = recommend(target)
    against = objections(source, advice) if source and source.suffix in (".tflite", ".onnx") else []
    commands = way(source, advice) if source and not against else []
    if as_json:
        print_json({**asdict(advice), "against": against, "commands": commands})
        return
    for title, text in (
        ("recipe", advice.recipe),
        ("file", f".{advice.format}, {advice.ends}"),
        ("runtime", advice.runtime),
        ("why", advice.why),
        ("costs", advice.costs),
        ("shown by", f"kerascnn benchmark FILE --lanes {','.join(advice.lanes)}"),
    ):
        console.print(f"  {title:<9}{text}", highlight=False)
    for line in against:
        console.print(f"  against {source}: {line}", highlight=False)
    for line in commands:
        console.print(f"  {line}", highlight=False)

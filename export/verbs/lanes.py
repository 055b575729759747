"""The verbs that measure files where they will run: benchmark, doctor, recommend."""

import shlex
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from kerascnn.cli import CsvOption, JsonOption, app, only_one
from kerascnn.console import busy, console, print_csv, print_json
from kerascnn.errors import UserError
from kerascnn.extras import require
from kerascnn.tables import Column, Table

from .lane_tables import lane_tables, operator_tables, told_drift

ForOption = Annotated[
    str, typer.Option("--for", help="phone-cpu, phone-npu, mcu, browser or server.")
]


@app.command()
def benchmark(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help=".tflite and .onnx files.")
    ],
    runs: Annotated[int, typer.Option(help="Timed runs of each file.")] = 100,
    threads: Annotated[str, typer.Option(help="Threads of each engine, as 1 or 1,2,4.")] = "1",
    sustained: Annotated[
        float,
        typer.Option(
            metavar="MINUTES",
            help="Go on for so long, and tell the first minute's median from the last's.",
        ),
    ] = 0.0,
    operators: Annotated[
        bool, typer.Option("--operators", help="Show what each operator takes, with --lanes.")
    ] = False,
    lanes: Annotated[
        str | None, typer.Option(help="Take the files through these lanes, as litert,arm, or all.")
    ] = None,
    baseline: Annotated[
        Path | None, typer.Option(help="Compare with the figures.json of another day.")
    ] = None,
    limit: Annotated[
        float, typer.Option(help="The largest ratio to the baseline; over it, exit code 1.")
    ] = 1.05,
    out: Annotated[
        Path | None, typer.Option(help="Also write the figures: a .json, with --lanes a folder.")
    ] = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Times files against each other on this machine, in turn, one sample at a time.

    Whoever wrote them. It is the inference alone: inputs are in before, outputs are read after.
    With --lanes they go through other runtimes and machines too, each figure with its evidence:
    measured by a clock, instructions counted, cycles modelled. `kerascnn doctor` lists the lanes.

    Example: kerascnn benchmark runs/demo/model_float32.tflite runs/demo/model_int8.tflite
    """
    only_one(as_json, as_csv)
    counts = _threads(threads)
    if sustained < 0:
        raise UserError(f"--sustained: expected minutes, got {sustained:g}")
    command = shlex.join(["kerascnn", *sys.argv[1:]])
    if lanes is not None:
        options = {"runs": runs, "threads": counts, "sustained": sustained}
        options["operators"] = operators or out is not None
        _benchmark_lanes(
            files, lanes, options, baseline, limit, out, as_json, as_csv, operators, command
        )
        return
    if baseline is not None or operators or len(counts) > 1:
        raise UserError(
            "--baseline, --operators and several --threads go with --lanes, as --lanes litert"
        )
    from kerascnn.files import write_json

    from ..lanes.measuring import file_facts
    from ..runtimes.benchmarking import benchmark as measure
    from ..runtimes.benchmarking import record

    with busy("measuring"):
        timings = measure(files, runs=runs, threads=max(counts), minutes=sustained)
    figures = record(timings, command)
    for row in figures["timings"]:
        row["accuracy"] = file_facts(row["file"])["accuracy"]
    if out:
        write_json(out, figures)
        singles = [{"file": t.file, "milliseconds": t.samples} for t in timings]
        write_json(out.with_name(f"{out.stem}_samples.json"), singles)
    if as_json:
        print_json(figures)
        return
    if as_csv:
        print_csv(figures["timings"])
        return
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


def _threads(text) -> tuple[int, ...]:
    try:
        counts = tuple(dict.fromkeys(int(part) for part in text.split(",")))
    except ValueError:
        counts = ()
    if not counts or min(counts) < 1:
        raise UserError(f"--threads: expected numbers of threads, as 1 or 1,2,4, got {text!r}")
    return counts


def _benchmark_lanes(
    files, lanes, asked, baseline, limit, out, as_json, as_csv, operators, command
):
    from ..lanes import Options, chosen, measure, record
    from ..lanes.baseline import changes

    if out is not None:
        require("report", str(out / "report.html"))
    options = Options(**asked)
    taken = chosen(lanes)
    with busy("measuring") as told:
        figures = measure(files, taken, options, told=lambda title: told(f"measuring: {title}"))
    found = record(figures, taken, options, command)
    compared = changes(found, baseline, limit) if baseline is not None else []
    if out is not None:
        from ..reporting.lanes import write_lanes

        write_lanes(out, found, figures)
    if as_json:
        print_json(found)
    elif as_csv:
        print_csv([{k: v for k, v in row.items() if k != "details"} for row in found["figures"]])
    else:
        for table in lane_tables(figures, taken):
            console.print(table)
        for table in operator_tables(found) if operators else ():
            console.print(table)
        for row in found["figures"]:
            if drift := row["details"].get("drift"):
                where = f"{Path(row['file']).name}, {row['lane']} {row['setting']}".strip()
                console.print(f"  {where}: {told_drift(drift)}", highlight=False)
        for change in compared:
            ratio = "gone" if change.ratio is None else f"{change.ratio:.3f}"
            mark = f"  over {limit:g}" if change.exceeds else ""
            where = f"{change.lane} {change.setting}".strip()
            console.print(f"  {change.file}, {where}: {ratio}{mark}", highlight=False)
        if out is not None:
            console.print(f"  ->  {out / 'report.html'}")
    if any(change.exceeds for change in compared):
        raise typer.Exit(1)


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

"""The verb that measures files where they will run: benchmark."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from kerascnn.cli import CsvOption, JsonOption, app, only_one
from kerascnn.console import busy, console, print_csv, print_json
from kerascnn.errors import UserError
from kerascnn.extras import require

from .lane_tables import say_lanes, say_timings


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
    say_timings(timings)


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
        say_lanes(found, figures, taken, compared, limit=limit, operators=operators)
        if out is not None:
            console.print(f"  ->  {out / 'report.html'}")
    if any(change.exceeds for change in compared):
        raise typer.Exit(1)

"""The verbs that show what came of it, and hand it on: benchmark, report, stage, demo."""

from pathlib import Path
from typing import Annotated

import typer

from kerascnn.cli import CsvOption, DataDir, JsonOption, RunArgument, app, only_one
from kerascnn.console import busy, console, print_csv, print_json, start_tensorflow, styled
from kerascnn.errors import UserError
from kerascnn.extras import require
from kerascnn.tables import Column, Table


@app.command()
def benchmark(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help=".tflite and .onnx files.")
    ],
    runs: Annotated[int, typer.Option(help="Timed runs of each file.")] = 100,
    threads: Annotated[int, typer.Option(help="Threads of each engine.", min=1)] = 1,
    out: Annotated[Path | None, typer.Option(help="Also write the figures as JSON.")] = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
):
    """Times files against each other on this machine, in turn, one sample at a time.

    Whoever wrote them. It is the inference alone: inputs are in before, outputs are read after.

    Example: kerascnn benchmark runs/demo/model_float32.tflite runs/demo/model_int8.tflite
    """
    only_one(as_json, as_csv)
    from kerascnn.files import write_json

    from ..runtimes.benchmarking import benchmark as measure
    from ..runtimes.benchmarking import record

    with busy("measuring"):
        timings = measure(files, runs=runs, threads=threads)
    figures = record(timings)
    if out:
        write_json(out, figures)
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
            f"{t.median / timings[0].median:.2f}",
        )
    console.print(table)
    for line in sorted({f"{Path(t.file).name}: timed on {t.inputs}" for t in timings}):
        console.print(f"  {line}", highlight=False)


@app.command()
def report(run: RunArgument, data_dir: DataDir = None):
    """Writes RUN/report.html: curves, confusion, filters, and the table of artifacts.

    Example: kerascnn report runs/demo
    """
    require("report", "a report")
    start_tensorflow()
    from kerascnn.training import open_run

    from ..reporting.report import write_report

    opened = open_run(run)

    console.print(f"  ->  {write_report(opened, data_dir=data_dir)}")


@app.command()
def stage(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Files that `kerascnn convert` wrote.")
    ],
    into: Annotated[Path, typer.Option(help="The folder an app takes its models from.")],
):
    """Puts verified files, their sheets and an index of them into a folder for an app.

    What was staged there before goes, what else stands there stays. A file that changed since it
    was verified, or that failed, is refused, and nothing is written then.

    Example: kerascnn stage runs/demo/model_int8.tflite --into app/src/main/assets
    """
    from ..delivery.staging import INDEX
    from ..delivery.staging import stage as put

    for staged in put(files, into):
        console.print(f"  {staged.file}  {staged.bytes:,} bytes", highlight=False)
    console.print(f"  ->  {into / INDEX}")


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="The run folder to write.")] = Path("runs/demo"),
):
    """Runs the whole way on the handwritten digits inside scikit-learn, verb after verb.

    Example: kerascnn demo --out runs/demo
    """
    require("demo", "the demo")
    from kerascnn.files import writable_folder

    from .demonstration import commands, summary
    from .invocation import invoke

    if (out / "history.csv").exists():
        raise UserError(f"{out}: holds a run already; remove it, or give another --out")
    writable_folder(out)
    for arguments in commands(out):
        console.print()
        console.print(styled(f"$ kerascnn {' '.join(arguments)}", "bold"))
        invoke(arguments)
    console.print()
    console.print(summary(out))

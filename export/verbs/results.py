"""The verbs that show what came of it: benchmark, report, demo."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Column, Table

from kerascnn.cli import DataDir, RunArgument, app
from kerascnn.console import console, start_tensorflow
from kerascnn.errors import UserError


@app.command()
def benchmark(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help=".tflite and .onnx files.")
    ],
    runs: Annotated[int, typer.Option(help="Timed runs of each file.")] = 100,
    threads: Annotated[int, typer.Option(help="Threads of each engine.", min=1)] = 1,
    out: Annotated[Path | None, typer.Option(help="Also write the figures as JSON.")] = None,
):
    """Times files against each other on this machine, in turn, one image at a time.

    Example: kerascnn benchmark runs/demo/model_float32.tflite runs/demo/model_int8.tflite
    """
    from export.benchmarking import as_json
    from export.benchmarking import benchmark as measure
    from kerascnn.files import write_json

    with console.status("measuring"):
        timings = measure(files, runs=runs, threads=threads)
    table = Table(
        Column("file", no_wrap=True), "engine", "threads", "median ms", "p90 ms", "min ms", "ratio"
    )
    for t in timings:
        table.add_row(
            escape(Path(t.file).name), f"{t.engine} {t.version}", str(t.threads), f"{t.median:.4f}",
            f"{t.p90:.4f}", f"{t.minimum:.4f}", f"{t.median / timings[0].median:.2f}",
        )  # fmt: skip
    console.print(table)
    if out:
        write_json(out, as_json(timings))


@app.command()
def report(run: RunArgument, data_dir: DataDir = None):
    """Writes RUN/report.html: curves, confusion, filters, and the table of artifacts.

    Example: kerascnn report runs/demo
    """
    start_tensorflow()
    from export.report import write_report
    from kerascnn.training import open_run

    opened = open_run(run)

    console.print(f"  ->  {write_report(opened, data_dir=data_dir)}")


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="The run folder to write.")] = Path("runs/demo"),
):
    """Runs the whole way on the handwritten digits inside scikit-learn, verb after verb.

    Example: kerascnn demo --out runs/demo
    """
    from export.cli import invoke
    from export.demonstration import commands
    from kerascnn.files import writable_folder

    if (out / "history.csv").exists():
        raise UserError(f"{out}: holds a run already; remove it, or give another --out")
    writable_folder(out)
    for arguments in commands(out):
        console.print(f"\n[bold]$ kerascnn {escape(' '.join(arguments))}[/bold]", highlight=False)
        invoke(arguments)

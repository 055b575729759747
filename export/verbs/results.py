"""The verbs that show what came of it, and hand it on: benchmark, report, stage, demo."""

from pathlib import Path
from typing import Annotated

import typer

from kerascnn.cli import DataDir, RunArgument, app
from kerascnn.console import console, start_tensorflow, styled
from kerascnn.errors import UserError
from kerascnn.extras import require


@app.command()
def report(run: RunArgument, data_dir: DataDir = None) -> None:
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
) -> None:
    """Puts verified files, their metadata and an index of them into a folder for an app.

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
) -> None:
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

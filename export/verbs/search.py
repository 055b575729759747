"""The verb that looks for a network: search."""

import contextlib
import sys
from pathlib import Path
from typing import Annotated

import typer

from kerascnn.cli import CsvOption, DataDir, JsonOption, app, only_one
from kerascnn.console import console, print_csv, print_json, start_tensorflow
from kerascnn.errors import UserError
from kerascnn.extras import command, missing


@app.command()
def search(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="A YAML file of a search.")],
    macs: Annotated[str, typer.Option(help="The most multiply-accumulates for one image: 12.5e6.")],
    size: Annotated[
        str, typer.Option("--bytes", help="The most bytes of the int8 .tflite file: 98496.")
    ],
    out: Annotated[Path, typer.Option(help="The folder to write.")],
    overrides: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY=VALUE]...", help="Of the training: data.batch_size=64."),
    ] = None,
    data_dir: DataDir = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a killed search.")] = False,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Searches for the most accurate network within two limits, by successive halving.

    Networks are drawn from the space of CONFIG. Those that fit, by exact count and by the real
    int8 file, are trained for a few epochs, the best of them on the validation images for more.
    Each is a run in OUT/runs; a killed search goes on with --resume.

    Example: kerascnn search configs/search/cifar10_tiny.yaml --macs 12.5e6 --bytes 98496 --out tiny
    """
    only_one(as_json, as_csv)
    limits = {"macs": whole("--macs", macs), "bytes": whole("--bytes", size)}
    start_tensorflow()
    from ..architecture_search import tables
    from ..architecture_search.halving import search as run_search

    # Figures alone go to standard output where a program reads them; what is said, beside it.
    said = sys.stderr if as_json or as_csv else sys.stdout
    with contextlib.redirect_stdout(said):
        found = run_search(
            config, out, **limits, overrides=overrides or (), data_dir=data_dir, resume=resume
        )
        if lacking := missing("report"):
            console.print(f"  no chart without {', '.join(lacking)}: {command('report')}")
        elif drawn := tables.chart(found):
            console.print(f"  ->  {drawn}")
    if as_json:
        print_json(tables.figures(found))
        return
    if as_csv:
        print_csv(tables.figures(found))
        return
    console.print(tables.table(found))
    if best := [one for one in found.candidates if one.accuracy][:1]:
        console.print(f"  the best: {found.run(best[0])}")


def whole(option: str, text: str) -> int:
    """A count as people write it, 12.5e6 or 98496; UserError where it is none."""
    try:
        number = float(text.replace("_", ""))
    except ValueError:
        number = 0.0
    if not 1 <= number < 2**63 or number != int(number):
        raise UserError(f"{option}: expected a whole number above 0, as 12.5e6, got {text!r}")
    return int(number)

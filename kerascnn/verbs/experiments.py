"""The verbs that try claims of the literature again: experiment, ablate."""

import contextlib
import sys
from pathlib import Path
from typing import Annotated

import typer

from kerascnn.cli import CsvOption, DataDir, JsonOption, app, only_one
from kerascnn.console import console, print_csv, print_json, start_tensorflow
from kerascnn.errors import UserError
from kerascnn.extras import command, missing

ABLATION = "ablation"
PLOT = "experiment.png"

Overrides = Annotated[
    list[str] | None,
    typer.Argument(metavar="[KEY=VALUE]...", help="Of every training: data.name=cifar10."),
]
OutOption = Annotated[
    Path | None, typer.Option(help="The folder to write; runs/experiments/NAME by default.")
]
SeedsOption = Annotated[str, typer.Option(help="One training of each arm for each.")]


@app.command()
def experiment(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="One of those that it lists, or a YAML.")
    ] = None,
    overrides: Overrides = None,
    out: OutOption = None,
    seeds: SeedsOption = "0,1,2",
    data_dir: DataDir = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Tries a claim of the literature again, at small scale; without NAME, lists those there are.

    Each arm is trained for each seed, on images that come with the packages unless data.name says
    otherwise. What is done is not done again: the same command goes on where it was interrupted,
    or with more seeds. In the folder are experiment.json, a plot and the runs.

    Example: kerascnn experiment initialization
    """
    only_one(as_json, as_csv)
    if name is None:
        _list(as_json, as_csv)
        return
    _run(name, overrides or [], out, seeds, data_dir, as_json, as_csv)


@app.command()
def ablate(
    overrides: Overrides = None,
    out: OutOption = None,
    seeds: SeedsOption = "0,1,2",
    data_dir: DataDir = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Leaves out parts of a small AlexNet, one after the other, and trains what is left.

    Layers 7, 6 and 7, 3 and 4, all four, as Zeiler & Fergus; response normalization, overlapping
    pooling, dropout; two towers. It is the experiment `ablation`.

    Example: kerascnn ablate data.name=cifar10 --data-dir ~/datasets
    """
    only_one(as_json, as_csv)
    _run(ABLATION, overrides or [], out, seeds, data_dir, as_json, as_csv)


def _list(as_json, as_csv):
    from kerascnn.experiments.config import experiment_names, read_claim

    names = experiment_names()
    rows = [{"experiment": name, **_claim(read_claim(name)[1])} for name in names]
    if as_json:
        print_json(rows)
    elif as_csv:
        print_csv(rows)
    else:
        for row in rows:
            console.print(row["experiment"], style="bold")
            for text in (row["claim"], f"{row['source']}: {row['reported']}"):
                console.print(f"  {text}", highlight=False)


def _claim(told):
    return {"claim": told.claim, "source": told.source, "reported": told.reported}


def _run(name, overrides, out, seeds, data_dir, as_json, as_csv):
    from kerascnn.experiments.config import read_claim

    stem, told = read_claim(name)
    numbers = seeds_of(seeds)
    start_tensorflow()
    from kerascnn.experiments import experiment_figure, experiment_table, figures, run_experiment

    out = out or Path("runs") / "experiments" / stem
    # Figures alone go to standard output where a program reads them; what is said, beside it.
    said = sys.stderr if as_json or as_csv else sys.stdout
    with contextlib.redirect_stdout(said):
        console.print(f"  {told.claim}", highlight=False)
        console.print(f"  {told.source}: {told.reported}", highlight=False)
        result = run_experiment(name, out, seeds=numbers, overrides=overrides, data_dir=data_dir)
        if lacking := missing("report"):
            console.print(f"  no plot without {', '.join(lacking)}: {command('report')}")
        else:
            from kerascnn.visualization.pages import save_figure

            save_figure(experiment_figure(result), out / PLOT)
            console.print(f"  ->  {out / PLOT}")
    if as_json:
        print_json({"verdict": result.verdict[0], **_claim(told), "arms": figures(result)})
    elif as_csv:
        print_csv(figures(result))
    else:
        console.print(experiment_table(result))


def seeds_of(text: str) -> list[int]:
    """The seeds of "0,1,2", in their order; UserError where these are no numbers."""
    try:
        seeds = list(dict.fromkeys(int(part) for part in text.split(",")))
    except ValueError:
        seeds = []
    if not seeds or not all(0 <= seed < 2**31 for seed in seeds):
        raise UserError(f"--seeds: expected whole numbers from 0 on, as 0,1,2, got {text!r}")
    return seeds

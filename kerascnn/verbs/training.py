"""The verbs that train: new, train."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from kerascnn.cli import DataDir, app
from kerascnn.console import console, start_tensorflow
from kerascnn.errors import UserError
from kerascnn.verbs.backends import Backend, chosen_backend, take_backend
from kerascnn.verbs.supervision import is_watched, refuse_workers, watch
from kerascnn.workers import workers_of


@app.command()
def new(
    data: Annotated[Path, typer.Option(help="A folder with a folder of images for each class.")],
    out: Annotated[Path, typer.Option(help="The YAML file to write.")] = Path("config.yaml"),
) -> None:
    """Writes a config to begin with, for images of your own in class folders.

    The classes are the names of the folders. Network, size, batch and epochs fit the images; a
    comment beside each value says what it is.

    Example: kerascnn new --data photos
    """
    from kerascnn.files import write_text
    from kerascnn.training.starter import starter

    if out.exists():
        raise UserError(f"{out}: is there already; remove it, or give another --out")
    config = starter(data)
    write_text(out, config.text)
    run = Path("runs") / data.resolve().name
    console.print(f"  {config.told}  ->  {out}", highlight=False)
    console.print(f"  next: kerascnn train {shlex.join([str(out), '--out', str(run)])}")


@app.command()
def train(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="A YAML file.")],
    out: Annotated[Path, typer.Option(help="The run folder to write.")],
    overrides: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="As training.epochs=2.")
    ] = None,
    data_dir: DataDir = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a killed run.")] = False,
    find_rate: Annotated[
        bool,
        typer.Option("--find-rate", help="Only look for the peak of the learning rate."),
    ] = False,
    backend: Annotated[
        Backend | None, typer.Option(help="The backend of Keras; else $KERAS_BACKEND.")
    ] = None,
    workers: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT,...",
            help="The machines that train together, the same for each; else as a launcher says.",
        ),
    ] = None,
    worker: Annotated[
        int | None, typer.Option(help="Which of --workers this one is, from 0.")
    ] = None,
) -> None:
    """Trains a network; leaves config, history, checkpoints and the best model in a run folder.

    Example: kerascnn train configs/digits/lenet5.yaml --out runs/digits training.epochs=5
    """
    import kerascnn.config as configs

    asked = configs.load(config, overrides or ())
    team = None
    if workers or worker is not None or asked.training.distribute != "none":
        team = workers_of(workers, worker)
    if team and asked.training.distribute == "none":
        asked = configs.load(config, [*(overrides or ()), "training.distribute=data_parallel"])
    take_backend(backend)
    refuse_workers(team, chosen_backend(), asked.training.distribute)
    if team and not is_watched():
        raise SystemExit(watch(team))  # who has been told of an interrupt needs no second line
    if team:
        from kerascnn.training.distribution import connect

        connect(team)
    start_tensorflow(feeds_only=chosen_backend() != "tensorflow")
    from kerascnn.models import variant
    from kerascnn.training import train as run_training

    variant(asked.model.name).check(asked.model.arguments)  # before the data is read
    if find_rate:
        from kerascnn.training.rate_range import find_rate as look_for_rate

        found = look_for_rate(asked, out, data_dir=data_dir)
        console.print(
            f"suggested: optimizer.schedule.peak={found.suggested:g}  ->  {out / 'find_rate.png'}"
        )
        return
    run = run_training(asked, out, data_dir=data_dir, resume=resume)
    if team and team.index:
        return  # the first worker has the run
    console.print(
        f"best epoch {run.facts['best_epoch']}: validation accuracy "
        f"{run.facts['validation_accuracy']:.2%}  ->  {run.path / 'model.keras'}"
    )

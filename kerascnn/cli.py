"""The verbs of training: models, chart, train, new.

Heavy imports stand inside the verbs, so that --help answers at once.
"""

import inspect
import shlex
from pathlib import Path
from typing import Annotated

import typer

from kerascnn.console import console, print_csv, print_json, start_tensorflow
from kerascnn.errors import UserError

# As --help lists them: the way from images to a file in an app first. The rest comes last.
GROUPS = {
    "From images to files": (
        "new",
        "train",
        "evaluate",
        "compress",
        "convert",
        "verify",
        "benchmark",
        "report",
        "stage",
    ),
    "Look and debug": ("predict", "describe", "debug", "sensitivity", "models", "chart"),
}


class GroupedHelp(typer.core.TyperGroup):
    """A group of commands that --help lists by `GROUPS`."""

    def list_commands(self, ctx):
        listed = [name for names in GROUPS.values() for name in names if name in self.commands]
        return [*listed, *(name for name in self.commands if name not in listed)]

    def format_commands(self, ctx, formatter):
        left = self.list_commands(ctx)
        width = max(map(len, left))
        for title, names in {**GROUPS, "More": left}.items():
            verbs = [name for name in names if name in left]
            left = [name for name in left if name not in verbs]
            room = formatter.width - width - 6
            with formatter.section(title):
                formatter.write_dl(
                    [
                        (name.ljust(width), self.commands[name].get_short_help_str(room))
                        for name in verbs
                    ]
                )


class Verbs(typer.Typer):
    """A command line whose list of verbs gives the first sentence of each in full."""

    def command(self, name=None, **options):
        def mount(function):
            sentence = inspect.cleandoc(function.__doc__).split("\n\n")[0].split(". ")[0]
            sentence = sentence.replace("\n", " ").removesuffix(".")
            return super(Verbs, self).command(name, short_help=sentence, **options)(function)

        return mount


app = Verbs(
    cls=GroupedHelp,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Keras 3 models in, verified edge artifacts out.",
)

RunArgument = Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.")]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print the figures as JSON, and nothing else.")
]
CsvOption = Annotated[
    bool, typer.Option("--csv", help="Print the figures as CSV, and nothing else.")
]
DataDir = Annotated[
    Path | None,
    typer.Option(help="The folder with mnist/ or cifar-10-batches-bin/; else $KERASCNN_DATA."),
]


def only_one(as_json: bool, as_csv: bool) -> None:
    """UserError where figures are asked for in two formats."""
    if as_json and as_csv:
        raise UserError("--json and --csv are two formats; give one")


@app.command()
def models(
    pattern: Annotated[str, typer.Argument(help="A shell pattern, in quotes.")] = "*",
    markdown: Annotated[bool, typer.Option("--markdown", help="As README shows it.")] = False,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
):
    """Lists the networks: name, year, parameters, multiply-accumulates, input.

    Example: kerascnn models 'resnet*'
    """
    only_one(as_json, as_csv)
    start_tensorflow()
    from kerascnn.analysis import models_figures, models_markdown, models_table

    if as_json:
        print_json(models_figures(pattern))
    elif as_csv:
        print_csv(models_figures(pattern))
    elif markdown:
        typer.echo(models_markdown(pattern), nl=False)
    else:
        console.print(models_table(pattern))


@app.command()
def chart(
    out: Annotated[Path, typer.Option(help="The picture to write, a .png or .svg file.")],
    pattern: Annotated[str, typer.Argument(help="A shell pattern, in quotes.")] = "*",
):
    """Draws the ImageNet networks: published top-1 against multiply-accumulates.

    The area of a disc is the number of parameters. Nothing is built or measured.

    Example: kerascnn chart --out zoo.png
    """
    start_tensorflow()
    from kerascnn.analysis import zoo_chart

    zoo_chart(out, pattern=pattern)
    console.print(f"  ->  {out}")


@app.command()
def new(
    data: Annotated[Path, typer.Option(help="A folder with a folder of images for each class.")],
    out: Annotated[Path, typer.Option(help="The YAML file to write.")] = Path("config.yaml"),
):
    """Writes a config to begin with, for images of your own in class folders.

    The classes are the names of the folders. Network, size, batch and epochs fit the images; a
    comment beside each value says what it is.

    Example: kerascnn new --data photos
    """
    from kerascnn.files import write_text
    from kerascnn.training.starter import starter

    if out.exists():
        raise UserError(f"{out}: is there already; remove it, or give another --out")
    made = starter(data)
    write_text(out, made.text)
    run = Path("runs") / data.resolve().name
    console.print(f"  {made.told}  ->  {out}", highlight=False)
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
):
    """Trains a network; leaves config, history, checkpoints and the best model in a run folder.

    Example: kerascnn train configs/digits/lenet5.yaml --out runs/digits training.epochs=5
    """
    import kerascnn.config as configs

    settled = configs.load(config, overrides or ())
    start_tensorflow()
    from kerascnn.models import variant
    from kerascnn.training import train as run_training

    variant(settled.model.name).check(settled.model.arguments)  # before the data is read
    run = run_training(settled, out, data_dir=data_dir, resume=resume)
    console.print(
        f"best epoch {run.facts['best_epoch']}: validation accuracy "
        f"{run.facts['validation_accuracy']:.2%}  ->  {run.path / 'model.keras'}"
    )

"""The verbs of training: models, chart, train, evaluate, predict.

Heavy imports stand inside the verbs, so that --help answers at once.
"""

import inspect
from pathlib import Path
from typing import Annotated

import typer

from kerascnn.console import console, muted, print_json, start_tensorflow
from kerascnn.tables import Table


class Verbs(typer.Typer):
    """A command line whose list of verbs gives the first sentence of each in full."""

    def command(self, name=None, **options):
        def mount(function):
            sentence = inspect.cleandoc(function.__doc__).split("\n\n")[0].split(". ")[0]
            sentence = sentence.replace("\n", " ").removesuffix(".")
            return super(Verbs, self).command(name, short_help=sentence, **options)(function)

        return mount


app = Verbs(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
    rich_markup_mode=None, context_settings={"help_option_names": ["-h", "--help"]},
    help="Keras 3 models in, verified edge artifacts out.",
)  # fmt: skip

RunArgument = Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.")]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print the figures as JSON, and nothing else.")
]
DataDir = Annotated[
    Path | None,
    typer.Option(help="The folder with mnist/ or cifar-10-batches-bin/; else $KERASCNN_DATA."),
]


@app.command()
def models(
    pattern: Annotated[str, typer.Argument(help="A shell pattern, in quotes.")] = "*",
    markdown: Annotated[bool, typer.Option("--markdown", help="As README shows it.")] = False,
    as_json: JsonOption = False,
):
    """Lists the networks: name, year, parameters, multiply-accumulates, input.

    Example: kerascnn models 'resnet*'
    """
    start_tensorflow()
    from kerascnn.analysis import models_figures, models_markdown, models_table

    if as_json:
        print_json(models_figures(pattern))
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


@app.command()
def evaluate(run: RunArgument, data_dir: DataDir = None, as_json: JsonOption = False):
    """Evaluates the model of a run on the test images.

    Example: kerascnn evaluate runs/digits
    """
    start_tensorflow()
    from kerascnn.training import open_run

    opened = open_run(run)
    from kerascnn.evaluation import evaluate as evaluate_run

    result = evaluate_run(opened, data_dir=data_dir)
    if as_json:
        print_json(result)
        return
    top5 = f"  top-5 {result.top5:.2%}" if result.top5 is not None else ""
    console.print(f"{result.images} test images: top-1 {result.top1:.2%}{top5}")


@app.command()
def predict(
    run: RunArgument,
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="Image files.")],
    top: Annotated[int, typer.Option(help="How many labels to show.", min=1)] = 3,
):
    """Says what a model sees in images of your own: the likeliest labels of each.

    Example: kerascnn predict runs/digits seven.png
    """
    start_tensorflow()
    from kerascnn.training import open_run

    opened = open_run(run)
    from kerascnn.evaluation import predict as predict_images

    with muted():  # libjpeg says what ails an image, but not which
        answers = predict_images(opened, images, top)
    table = Table("image", *[f"{i + 1}." for i in range(min(top, len(opened.labels)))])
    for path, ranked in zip(images, answers, strict=True):
        table.add(str(path), *[f"{label} {p:.1%}" for label, p in ranked])
    console.print(table)

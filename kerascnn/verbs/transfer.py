"""The verbs of transfer: finetune, features, weights."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from kerascnn.cli import DataDir, RunArgument, app
from kerascnn.console import console, notices, start_tensorflow
from kerascnn.errors import UserError
from kerascnn.tables import Column, Table

WeightsOption = Annotated[
    str | None,
    typer.Option(help="imagenet, a .safetensors or .h5 file, or the folder of a run."),
]
SizeOption = Annotated[int | None, typer.Option(help="Side of the images, in pixels.")]


@app.command()
def finetune(
    weights: Annotated[
        str, typer.Option(help="imagenet, a .safetensors or .h5 file, or the folder of a run.")
    ],
    data: Annotated[str, typer.Option(help="A folder of class folders, or a source: cifar10.")],
    out: Annotated[Path, typer.Option(help="The run folder to write.")],
    network: Annotated[
        str | None, typer.Option("--from", help="A network that `kerascnn models` lists.")
    ] = None,
    domain: Annotated[
        str | None, typer.Option(help="similar or different; measured by default.")
    ] = None,
    freeze_until: Annotated[
        str | None, typer.Option(help="A stage or a layer; it and all before it stay.")
    ] = None,
    rate: Annotated[
        list[str] | None,
        typer.Option(help="stage4=0.1, a factor of the learning rate; may be repeated."),
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="20 by default, and up to 100 of few images.")
    ] = None,
    size: SizeOption = None,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    data_dir: DataDir = None,
    distribute: Annotated[
        Literal["none", "auto", "mirrored", "data_parallel"],
        typer.Option(help="Over which devices of this machine, as training.distribute."),
    ] = "none",
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a killed run.")] = False,
) -> None:
    """Trains a network that has learned on images of your own.

    Which layers are trained depends on how many images there are and how similar they are to those
    it has learned from, which is measured; what is chosen is said, with the reason. What comes of
    it is a run like any other.

    Example: kerascnn finetune --from vgg16 --weights imagenet --data photos --out runs/photos
    """
    if domain not in (None, "similar", "different"):
        raise UserError(f"--domain: expected similar or different, got {domain!r}")
    rates = dict(_rate(text) for text in rate or ())
    start_tensorflow()
    from kerascnn.transfer import Orders
    from kerascnn.transfer import finetune as run_finetuning

    with notices():
        run = run_finetuning(
            network,
            weights,
            data,
            out,
            orders=Orders(domain, freeze_until, rates),
            size=(size, size) if size else None,
            epochs=epochs,
            seed=seed,
            data_dir=data_dir,
            distribute=distribute,
            resume=resume,
        )
    console.print(
        f"best epoch {run.facts['best_epoch']}: validation accuracy "
        f"{run.facts['validation_accuracy']:.2%}  ->  {run.path / 'model.keras'}"
    )


def _rate(text):
    """ "stage4=0.1" -> ("stage4", 0.1)."""
    name, _, factor = text.partition("=")
    try:
        return name, float(factor)
    except ValueError:
        raise UserError(f"--rate: expected NAME=FACTOR, as stage4=0.1, got {text!r}") from None


@app.command()
def features(
    source: Annotated[
        str, typer.Argument(metavar="MODEL", help="A run, a .keras file, or a network's name.")
    ],
    layer: Annotated[str, typer.Option(help="A layer or a stage; fc7 of AlexNet and VGG.")],
    out: Annotated[Path | None, typer.Option(help="The .npz file to write.")] = None,
    weights: WeightsOption = None,
    data: Annotated[
        str | None, typer.Option(help="A folder of class folders; of a run, its own by default.")
    ] = None,
    average: Annotated[
        bool, typer.Option("--average", help="Average maps over their positions.")
    ] = False,
    probe: Annotated[
        bool, typer.Option("--probe", help="Train linear classifiers on them, and test these.")
    ] = False,
    nearest: Annotated[
        Path | None, typer.Option(help="An image; prints the training images nearest to it.")
    ] = None,
    size: SizeOption = None,
    data_dir: DataDir = None,
) -> None:
    """Gives what a network makes of images at one of its layers.

    As arrays in an .npz file: train, train_labels, test, test_labels, names. With --probe a
    logistic regression and a linear SVM are trained on those of the training images.

    Example: kerascnn features vgg16 --weights imagenet --layer fc7 --data photos --out fc7.npz
    """
    if out is None and not probe and nearest is None:
        raise UserError("expected --out FILE.npz, --probe or --nearest IMAGE, got none of them")
    start_tensorflow()
    from kerascnn.transfer import open_features

    with notices():
        opened = open_features(
            source,
            weights=weights,
            data=data,
            size=(size, size) if size else None,
            data_dir=data_dir,
        )
    found = opened.features(layer, average=average)
    shape = "x".join(map(str, found.train.shape[1:]))
    console.print(
        f"  {layer}: {shape} features of {len(found.train):,} training and "
        f"{len(found.test):,} test images",
        highlight=False,
    )
    if out is not None:
        console.print(f"  ->  {found.save(out)}")
    if probe:
        scores = found.probe()
        table = Table("linear classifier", Column("test images", right=True))
        table.add("logistic regression", f"{scores.logistic_regression:.2%}")
        table.add("linear SVM", f"{scores.linear_svm:.2%}")
        console.print(table)
    if nearest is not None:
        for name, path in opened.nearest(nearest, found, layer, average=average):
            console.print(f"  {name}  {path}", highlight=False)


@app.command()
def weights(
    run: RunArgument,
    out: Annotated[Path, typer.Option(help="The .safetensors file to write.")],
) -> None:
    """Writes the weights of a run as torchvision names them, which torch loads.

    Example: kerascnn weights runs/resnet18 --out resnet18.safetensors
    """
    start_tensorflow()
    from kerascnn.transfer import save_state_dict

    console.print(f"  ->  {save_state_dict(run, out)}")

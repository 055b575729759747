"""The verbs that say what a model answers, and how often it is right: predict, evaluate."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from kerascnn.cli import CsvOption, DataDir, JsonOption, app, only_one
from kerascnn.console import console, muted, print_csv, print_json, start_tensorflow
from kerascnn.errors import UserError
from kerascnn.tables import Table

from .options import CodeOption, LabelsOption, TrustOption, as_labels

SourceArgument = Annotated[
    Path,
    typer.Argument(metavar="RUN", help="A run, or a .keras, .h5, .tflite or .onnx file."),
]


@app.command()
def evaluate(
    source: SourceArgument,
    data_dir: DataDir = None,
    data: Annotated[
        Path | None,
        typer.Option(help="Evaluate on this folder of class folders, named as the labels."),
    ] = None,
    images: Annotated[
        Path | None, typer.Option(help="Evaluate on this .npz file of inputs and labels.")
    ] = None,
    labels: LabelsOption = None,
    trust: TrustOption = False,
    code: CodeOption = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
):
    """Evaluates a run, a Keras file or an artifact: how many images get their label.

    A run, and a file that was made of one, on the test images; any other on --data or --images.

    Example: kerascnn evaluate runs/digits
    """
    only_one(as_json, as_csv)
    if data and images:
        raise UserError("--data and --images are two sets of images; give one")
    names = as_labels(labels)
    start_tensorflow()
    from ..delivery.classifier import open_classifier

    with (
        muted(),  # libjpeg says what ails an image, but not which
        open_classifier(source, labels=names, trust=trust, code=code) as classifier,
    ):
        result = classifier.evaluate(folder=data, images=images, data_dir=data_dir)
    if as_json:
        print_json(result)
    elif as_csv:
        print_csv([{"file": source, **asdict(result)}])
    else:
        kind = "" if data or images else "test "
        top5 = f"  top-5 {result.top5:.2%}" if result.top5 is not None else ""
        console.print(f"{result.images} {kind}images: top-1 {result.top1:.2%}{top5}")


@app.command()
def predict(
    source: SourceArgument,
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="Image files.")],
    top: Annotated[int, typer.Option(help="How many labels to show.", min=1)] = 3,
    labels: LabelsOption = None,
    trust: TrustOption = False,
    code: CodeOption = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
):
    """Says what a model sees in images of your own: the likeliest labels of each.

    Example: kerascnn predict runs/digits seven.png
    """
    only_one(as_json, as_csv)
    names = as_labels(labels)
    start_tensorflow()
    from ..delivery.classifier import open_classifier

    with (
        muted(),
        open_classifier(source, labels=names, trust=trust, code=code) as classifier,
    ):
        answers = classifier.predict(images, top)
    rows = [
        {"image": path, "rank": rank, "label": label, "probability": p}
        for path, ranked in zip(images, answers, strict=True)
        for rank, (label, p) in enumerate(ranked, 1)
    ]
    if as_json:
        print_json(rows)
    elif as_csv:
        print_csv(rows)
    else:
        table = Table("image", *[f"{i + 1}." for i in range(len(answers[0]))])
        for path, ranked in zip(images, answers, strict=True):
            table.add(str(path), *[f"{label} {p:.1%}" for label, p in ranked])
        console.print(table)

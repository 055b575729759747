"""The verb that says what a model answers: predict."""

from pathlib import Path
from typing import Annotated

import typer

from kerascnn.cli import CsvOption, JsonOption, app, only_one
from kerascnn.console import console, muted, print_csv, print_json, start_tensorflow
from kerascnn.tables import Table

from .options import (
    CodeOption,
    LabelsOption,
    SizeOption,
    TrustOption,
    WeightsOption,
    as_labels,
    as_size,
)

SourceArgument = Annotated[
    Path,
    typer.Argument(
        metavar="RUN", help="A run, a .keras, .h5, .tflite or .onnx file, or a network's name."
    ),
]


@app.command()
def predict(
    source: SourceArgument,
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="Image files.")],
    top: Annotated[int, typer.Option(help="How many labels to show.", min=1)] = 3,
    labels: LabelsOption = None,
    trust: TrustOption = False,
    code: CodeOption = None,
    weights: WeightsOption = None,
    size: SizeOption = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Says what a model sees in images of your own: the likeliest labels of each.

    A network by its name, with --weights, is shown the central crop; others the whole picture.

    Example: kerascnn predict runs/digits seven.png
    """
    only_one(as_json, as_csv)
    names = as_labels(labels)
    start_tensorflow()
    from ..delivery.classifier import open_classifier

    about = {"trust": trust, "code": code, "weights": weights, "size": as_size(size)}
    with muted(), open_classifier(source, labels=names, **about) as classifier:
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

"""The verb that says how often a model is right: evaluate."""

from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from kerascnn.cli import CsvOption, DataDir, JsonOption, app, only_one
from kerascnn.console import console, muted, print_csv, print_json, start_tensorflow
from kerascnn.errors import UserError

from .answers import SourceArgument
from .options import (
    CodeOption,
    LabelsOption,
    SizeOption,
    TrustOption,
    WeightsOption,
    as_labels,
    as_numbers,
    as_size,
)


@app.command()
def evaluate(
    source: SourceArgument,
    data_dir: DataDir = None,
    data: Annotated[
        Path | None,
        typer.Option(help="Evaluate on this folder: class folders, or ImageNet's flat images."),
    ] = None,
    images: Annotated[
        Path | None, typer.Option(help="Evaluate on this .npz file of inputs and labels.")
    ] = None,
    crops: Annotated[
        str | None,
        typer.Option(
            metavar="whole|center|ten|144|dense|multiscale", help="What of a picture is shown."
        ),
    ] = None,
    scales: Annotated[
        str | None,
        typer.Option(metavar="N,N,...", help="Pixels of the short side that crops are taken at."),
    ] = None,
    others: Annotated[
        list[Path] | None,
        typer.Option("--with", metavar="RUN", help="Average with this one too; repeatable."),
    ] = None,
    truth: Annotated[
        Path | None, typer.Option(help="The file that says what the flat images of --data show.")
    ] = None,
    numbering: Annotated[
        str | None,
        typer.Option(metavar="zero|one|devkit", help="What the numbers in that file count."),
    ] = None,
    calibrate: Annotated[
        bool, typer.Option("--calibrate", help="Fit a temperature on validation images.")
    ] = False,
    validation: Annotated[
        Path | None, typer.Option(help="Fit it on this folder instead of the run's own images.")
    ] = None,
    per_class: Annotated[
        bool, typer.Option("--per-class", help="Print a table of the classes.")
    ] = False,
    confusion: Annotated[
        bool, typer.Option("--confusion", help="Print which class is taken for which.")
    ] = False,
    mistakes: Annotated[
        Path | None, typer.Option(metavar="FILE.png", help="Draw the worst mistakes as a sheet.")
    ] = None,
    labels: LabelsOption = None,
    trust: TrustOption = False,
    code: CodeOption = None,
    weights: WeightsOption = None,
    size: SizeOption = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Evaluates a run, a Keras file, a network or an artifact: how many images get their label.

    A run, and a file that was made of one, on the test images; any other on --data or --images.
    Crops, as the papers': center; ten, AlexNet's; 144, GoogLeNet's; dense and multiscale, VGG's,
    which slide a Keras model over the picture. Their probabilities are averaged, as are those of
    --with. By default a network by its name is shown the center, others whole pictures. A run that
    gives a class a pixel gets mean IoU and pixel accuracy; --mistakes draws its worst predictions.

    Example: kerascnn evaluate runs/digits
    """
    only_one(as_json, as_csv)
    if data and images:
        raise UserError("--data and --images are two sets of images; give one")
    names, about = as_labels(labels), {"trust": trust, "code": code, "size": as_size(size)}
    pixels = as_numbers("--scales", scales)
    start_tensorflow()
    from .segmentation import is_run_of_masks, say_masks

    if is_run_of_masks(source):
        of_classes = {
            "--data": data,
            "--images": images,
            "--crops": crops,
            "--scales": scales,
            "--with": others,
            "--truth": truth,
            "--numbering": numbering,
            "--calibrate": calibrate,
            "--validation": validation,
            "--per-class": per_class,
            "--confusion": confusion,
            "--labels": labels,
            "--weights": weights,
            "--size": size,
        }
        say_masks(
            source,
            data_dir=data_dir,
            mistakes=mistakes,
            as_json=as_json,
            as_csv=as_csv,
            others=of_classes,
        )
        return
    from kerascnn.evaluation import mistakes_sheet

    from ..delivery.assessment import View, assess, evidence_for
    from ..delivery.classifier import open_classifier

    with muted(), ExitStack() as opened:  # libjpeg says what ails an image, but not which

        def open_one(path, weights=None):
            return opened.enter_context(
                open_classifier(path, labels=names, weights=weights, **about)
            )

        first = open_one(source, weights)
        together = [first, *(open_one(other) for other in others or ())]
        fit_on = None
        if validation or calibrate:
            fit_on = evidence_for(first, folder=validation, split="validation", data_dir=data_dir)
        evidence = evidence_for(
            first,
            folder=data,
            images=images,
            data_dir=data_dir,
            truth=truth,
            numbering=numbering,
        )
        found = assess(together, evidence, View(crops, pixels), fit_on=fit_on, data_dir=data_dir)
        if mistakes:
            channels = first.ends.shape[-1] or 3
            drawn = mistakes_sheet(
                mistakes,
                evidence.pictures,
                found.logs,
                evidence.labels,
                found.names,
                channels=channels,
            )
    if as_json:
        print_json(found.evaluation)
        return
    if as_csv:
        print_csv([{"file": source, **asdict(found.evaluation)}])
        return
    from .evaluation_tables import say

    say(found, per_class=per_class, confusion=confusion)
    if mistakes:
        console.print(f"  ->  {mistakes}" if drawn else "  no mistakes: no sheet of them")

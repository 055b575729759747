"""The verb that moves images and looks whether a network follows: invariance."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from kerascnn.cli import CsvOption, DataDir, JsonOption, app, only_one
from kerascnn.console import busy, console, print_csv, print_json, start_tensorflow
from kerascnn.errors import UserError
from kerascnn.extras import command, missing

from .options import CodeOption, ImagesOption, TrustOption

NAME = "invariance"  # of the files that are written


@app.command()
def invariance(
    source: Annotated[Path, typer.Argument(metavar="RUN|FILE", help="A run, or a Keras file.")],
    images: ImagesOption = None,
    out: Annotated[
        Path | None, typer.Option(help="The folder to write; that of the run or the file.")
    ] = None,
    data_dir: DataDir = None,
    trust: TrustOption = False,
    code: CodeOption = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Measures whether a network's answers and features follow images that are moved.

    Accuracy and change of the outputs under translation, scale and rotation; and for each stage
    whether the features of the shifted image are the shifted features, for shifts by multiples of
    the stage's stride and for others. Of a run its test images are moved. In the folder are
    invariance.json and invariance.png.

    Example: kerascnn invariance runs/digits
    """
    only_one(as_json, as_csv)
    start_tensorflow()
    from kerascnn.experiments.invariance import invariance as measure
    from kerascnn.experiments.invariance_plots import invariance_figure, invariance_tables
    from kerascnn.files import writable_folder, write_json

    with busy(f"{source}: moves its images"):
        model, inputs, labels = _opened(source, images, data_dir, trust, code)
        found = measure(model, inputs, labels)
    folder = writable_folder(out or (source if source.is_dir() else source.parent))
    told = asdict(found)
    write_json(folder / f"{NAME}.json", told)
    if as_json:
        print_json(told)
    elif as_csv:
        print_csv(found.answers)
    else:
        for table in invariance_tables(found):
            console.print(table)
    if lacking := missing("report"):
        if not (as_json or as_csv):
            console.print(f"  no plot without {', '.join(lacking)}: {command('report')}")
        return
    from kerascnn.visualization import save_figure

    save_figure(invariance_figure(found), folder / f"{NAME}.png")
    if not (as_json or as_csv):
        console.print(f"  ->  {folder / f'{NAME}.png'}")


def _opened(source, images, data_dir, trust, code):
    """(model, images as it takes them, labels or None)."""
    from ..subject.opening import open_subject

    subject = open_subject(source, images=images, data_dir=data_dir, trust=trust, code=code)
    if subject.is_noise:
        raise UserError(f"{source}: say --images, a folder of images or an .npy or .npz array")
    if subject.run is not None:
        if subject.meanings != ("classes",):
            raise UserError(f"{source}: gives a class a pixel; invariance is of classes of images")
        data = subject.data
        return subject.model, data.pixels(data.test), data.test.labels
    inputs, targets = subject.samples.inputs, subject.samples.targets
    labels = targets[0] if targets and targets[0].ndim == 1 else None
    return subject.model, inputs[0], labels

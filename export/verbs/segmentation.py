"""What `evaluate` says of a run that gives a class a pixel."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kerascnn.console import console, print_csv, print_json
from kerascnn.errors import UserError
from kerascnn.extras import require
from kerascnn.tables import Column, Table
from kerascnn.training import open_run

PICTURES = 12


def is_run_of_masks(source: Path | str) -> bool:
    """Whether this is the folder of a run of `data.targets: masks`."""
    path = Path(source)
    return (path / "run.json").exists() and open_run(path).config.data.targets == "masks"


def say_masks(
    source: Path | str,
    *,
    data_dir: Path | None,
    mistakes: Path | None,
    as_json: bool,
    as_csv: bool,
    others: Mapping[str, Any],
) -> None:
    """Evaluates the run, prints mean IoU, pixel accuracy and the IoU of each class, and draws the
    worst predictions into `mistakes`.

    Raises:
        UserError: one of the `others` is given, which are options for a class an image.
    """
    if given := [name for name, value in others.items() if value]:
        raise UserError(
            f"{source}: gives a class a pixel, which is evaluated on its test images; "
            f"{', '.join(given)} is for a class an image"
        )
    from kerascnn.evaluation.segmentation import evaluate_masks, worst_masks

    run = open_run(source)
    found, answers = evaluate_masks(run, data_dir)
    if mistakes:
        require("report", "a sheet of pictures")
        from kerascnn.visualization import save_figure, segmentation_figure

        data = run.data(data_dir)
        masks = data.targets(data.test)
        worst = np.asarray(worst_masks(masks, answers, PICTURES))
        images = data.pixels(data.test.take(worst))
        save_figure(segmentation_figure(images, masks[worst], answers[worst], data.names), mistakes)
    if as_json:
        print_json(found)
    elif as_csv:
        figures = {"pixel_accuracy": found.pixel_accuracy, "mean_iou": found.mean_iou}
        print_csv([{"file": str(source), "images": found.images, **figures}])
    else:
        _print_table(found, run.labels)
        if mistakes:
            console.print(f"  ->  {mistakes}")


def _print_table(found, names):
    console.print(
        f"  {found.images:,} images: mean IoU {found.mean_iou:.2%}, "
        f"pixel accuracy {found.pixel_accuracy:.2%}",
        highlight=False,
    )
    table = Table("class", Column("IoU", right=True))
    for name, iou in zip(names, found.iou, strict=True):
        table.add(name, "none" if iou is None else f"{iou:.2%}")
    console.print(table)

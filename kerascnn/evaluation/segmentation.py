"""How good a network is that gives a class a pixel: pixel accuracy and intersection over union."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kerascnn.evaluation.outputs import outputs_of
from kerascnn.files import write_json


@dataclass(frozen=True)
class Segmentation:
    """images: how many. pixel_accuracy: the share of pixels with their class, 0..1. mean_iou: the
    mean of `iou` over the classes that have one.

    iou: intersection over union of each class over all images together, None where neither masks
    nor answers have it. confusion: (classes, classes) counts of pixels, rows the truth.
    """

    images: int
    pixel_accuracy: float
    mean_iou: float
    iou: tuple[float | None, ...]
    confusion: np.ndarray


def segmentation(masks: np.ndarray, answers: np.ndarray, classes: int) -> Segmentation:
    """Evaluates the class of each pixel, both (n, height, width) integers.

    intersection over union = pixels that are and are taken for it / pixels that are or are

    Source: Everingham et al., "The PASCAL Visual Object Classes Challenge", IJCV 2010, section 4.
    """
    counts = np.bincount(
        masks.astype(np.int64).ravel() * classes + answers.ravel(), minlength=classes**2
    ).reshape(classes, classes)
    both = np.diag(counts)
    either = counts.sum(axis=0) + counts.sum(axis=1) - both
    iou = tuple(float(b / e) if e else None for b, e in zip(both, either, strict=True))
    known = [each for each in iou if each is not None]
    return Segmentation(
        len(masks), float(both.sum() / counts.sum()), float(np.mean(known)), iou, counts
    )


def mean_iou(logits: np.ndarray, masks: np.ndarray) -> float:
    """The mean intersection over union of logits, (n, height, width, classes), against masks."""
    return segmentation(masks, logits.argmax(axis=-1), logits.shape[-1]).mean_iou


def evaluate_masks(run: Any, data_dir: Path | None = None) -> tuple[Segmentation, np.ndarray]:
    """Evaluates a run of `data.targets: masks` on its test images; RUN/evaluation.json keeps it.

    Returns:
        The `Segmentation`, and the class of each pixel that the network answers, (n, h, w).
    """
    data = run.data(data_dir)
    logits = outputs_of(run.model(), data.batches(data.test), run.path / "model.keras")
    answers = logits.argmax(axis=-1)
    found = segmentation(data.targets(data.test), answers, len(data.names))
    write_json(
        run.path / "evaluation.json",
        {
            "images": found.images,
            "pixel_accuracy": found.pixel_accuracy,
            "mean_iou": found.mean_iou,
            "iou": dict(zip(data.names, found.iou, strict=True)),
            "confusion": found.confusion.tolist(),
        },
    )
    return found, answers


def worst_masks(masks: np.ndarray, answers: np.ndarray, most: int) -> Sequence[int]:
    """The numbers of the images of which the smallest share of pixels is right, worst first."""
    right = (masks == answers).mean(axis=(1, 2))
    return np.argsort(right, kind="stable")[:most].tolist()

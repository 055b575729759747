"""How good a trained network is: top-1, top-5 and who is taken for whom."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kerascnn.evaluation.calibration import at_temperature, calibration_error, fit_temperature
from kerascnn.evaluation.scores import log_probabilities
from kerascnn.files import write_json


@dataclass(frozen=True)
class Evaluation:
    """images: how many. top1, top5: shares, 0..1 (top5 None with fewer than 6 classes).

    confusion: (classes, classes) counts, rows the truth, columns the answer. calibration_error: of
    the probabilities, 0..1, as `calibration_error` says. temperature: fitted on other images, or
    None; calibrated_error: the same error at that temperature.
    """

    images: int
    top1: float
    top5: float | None
    confusion: np.ndarray
    calibration_error: float
    temperature: float | None = None
    calibrated_error: float | None = None


@dataclass(frozen=True)
class ClassResult:
    """images: of a class. recall: the share of them that is answered with it; precision: the share
    of the answers with it that is right; None where there is none. taken_for: the class that most
    of its other images are answered with, and how many."""

    label: str
    images: int
    recall: float | None
    precision: float | None
    taken_for: str
    times: int


def accuracy(logits: np.ndarray, labels: np.ndarray) -> float:
    """The share, 0..1, of rows of logits, (n, classes), whose largest is their label's, (n,)."""
    return float((np.argmax(logits, axis=1) == labels).mean())


def classification(
    outputs: np.ndarray,
    labels: np.ndarray,
    *,
    probabilities: bool = False,
    fitted_on: tuple[np.ndarray, np.ndarray] | None = None,
) -> Evaluation:
    """Evaluates a number a class, (n, classes), against labels, (n,).

    Args:
        outputs: logits, log-probabilities or, with `probabilities`, these.
        fitted_on: outputs and labels of other images, to fit the temperature on.
    """
    classes = outputs.shape[1]
    order = np.argsort(-outputs, axis=1, kind="stable")
    hits = order == labels[:, None]
    confusion = np.zeros((classes, classes), np.int64)
    np.add.at(confusion, (labels, order[:, 0]), 1)
    logs = log_probabilities(outputs, probabilities=probabilities)
    temperature = calibrated = None
    if fitted_on is not None:
        others = log_probabilities(fitted_on[0], probabilities=probabilities)
        temperature = fit_temperature(others, fitted_on[1])
        calibrated = calibration_error(at_temperature(logs, temperature), labels)
    return Evaluation(
        images=len(labels),
        top1=float(hits[:, 0].mean()),
        top5=float(hits[:, :5].any(axis=1).mean()) if classes > 5 else None,
        confusion=confusion,
        calibration_error=calibration_error(logs, labels),
        temperature=temperature,
        calibrated_error=calibrated,
    )


def class_results(confusion: np.ndarray, labels: Sequence[str]) -> list[ClassResult]:
    """What a confusion matrix, (classes, classes), says of each class, in the order of `labels`."""
    others = confusion - np.diag(np.diag(confusion))
    found = []
    for i, label in enumerate(labels):
        right, images, answers = confusion[i, i], confusion[i].sum(), confusion[:, i].sum()
        taken_for = int(others[i].argmax())
        found.append(
            ClassResult(
                label=label,
                images=int(images),
                recall=float(right / images) if images else None,
                precision=float(right / answers) if answers else None,
                taken_for=labels[taken_for] if others[i].any() else "",
                times=int(others[i, taken_for]),
            )
        )
    return found


def keep_evaluation(folder: Path, result: Evaluation) -> None:
    """Writes evaluation.json into the folder of a run, where a report reads it."""
    write_json(
        folder / "evaluation.json",
        {
            "images": result.images,
            "top1": result.top1,
            "top5": result.top5,
            "confusion": result.confusion.tolist(),
        },
    )

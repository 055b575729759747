"""How good a trained network is: top-1, top-5 and who is taken for whom."""

from dataclasses import dataclass

import numpy as np

from kerascnn.evaluation.outputs import logits_of
from kerascnn.files import write_json


@dataclass(frozen=True)
class Evaluation:
    """images: how many. top1, top5: shares, 0..1 (top5 None with fewer than 6 classes).

    confusion: (classes, classes) counts, rows the truth, columns the answer.
    """

    images: int
    top1: float
    top5: float | None
    confusion: np.ndarray


def accuracy(logits: np.ndarray, labels: np.ndarray) -> float:
    """The share, 0..1, of rows of logits, (n, classes), whose largest is their label's, (n,)."""
    return float((np.argmax(logits, axis=1) == labels).mean())


def classification(logits, labels):
    """Evaluates logits, (n, classes), against labels, (n,)."""
    classes = logits.shape[1]
    order = np.argsort(-logits, axis=1, kind="stable")
    hits = order == labels[:, None]
    confusion = np.zeros((classes, classes), np.int64)
    np.add.at(confusion, (labels, order[:, 0]), 1)
    top5 = float(hits[:, :5].any(axis=1).mean()) if classes > 5 else None
    return Evaluation(len(labels), float(hits[:, 0].mean()), top5, confusion)


def evaluate(run, *, data_dir=None):
    """Evaluates the best model of a run on its test images, and keeps RUN/evaluation.json.

    Returns:
        The `Evaluation`.
    """
    data = run.data(data_dir)
    logits = logits_of(run, data.batches(data.test))
    result = classification(logits, data.test.labels)
    write_json(
        run.path / "evaluation.json",
        {
            "images": result.images,
            "top1": result.top1,
            "top5": result.top5,
            "confusion": result.confusion.tolist(),
        },
    )
    return result

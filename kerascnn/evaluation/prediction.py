"""What a trained network says of image files."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kerascnn.data import read_image
from kerascnn.evaluation.outputs import TrainedRun, logits_of


def predict(
    run: TrainedRun, paths: Sequence[str | Path], top: int = 3
) -> list[list[tuple[str, float]]]:
    """Ranks the labels of a run for image files, any size; they are resized as in training.

    Returns:
        For each path a list of `top` pairs (label, probability), likeliest first.

    Raises:
        UserError: a file that is missing or no image, or a model that cannot be run.
    """
    shape, rule = run.facts["input_shape"], run.facts["resize"]
    transforms = run.config.data.evaluate
    pixels = np.stack([read_image(path, tuple(shape), rule, transforms) for path in paths])
    return ranked(logits_of(run, pixels.astype("float32")), run.labels, top)


def ranked(
    outputs: np.ndarray, labels: Sequence[str], top: int = 3, *, probabilities: bool = False
) -> list[list[tuple[str, float]]]:
    """Ranks labels by the outputs of a classifier.

    Args:
        outputs: (n, classes). probabilities: whether they are that, else logits.

    Returns:
        For each row a list of `top` pairs (label, probability), likeliest first.
    """
    if not probabilities:
        exponentials = np.exp(outputs - outputs.max(axis=1, keepdims=True))
        outputs = exponentials / exponentials.sum(axis=1, keepdims=True)
    order = np.argsort(-outputs, axis=1, kind="stable")[:, :top]
    return [
        [(labels[int(i)], float(row[i])) for i in best]
        for row, best in zip(outputs, order, strict=True)
    ]

"""What a trained network says of image files."""

import numpy as np

from kerascnn.data import read_image
from kerascnn.evaluation.outputs import logits_of


def predict(run, paths, top=3):
    """Ranks the labels of a run for image files, any size; they are resized as in training.

    Returns:
        For each path a list of `top` pairs (label, probability), likeliest first.

    Raises:
        UserError: a file that is missing or no image, or a model that cannot be run.
    """
    shape, rule = run.facts["input_shape"], run.facts["resize"]
    pixels = np.stack([read_image(path, tuple(shape), rule) for path in paths])
    logits = logits_of(run, pixels.astype("float32"))
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities = exponentials / exponentials.sum(axis=1, keepdims=True)
    ranked = np.argsort(-probabilities, axis=1)[:, :top]
    return [
        [(run.labels[i], float(row[i])) for i in order]
        for row, order in zip(probabilities, ranked, strict=True)
    ]

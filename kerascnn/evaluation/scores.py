"""What a network says of pictures, seen whole or in crops, alone or with others: log-probabilities.

Whatever answers pixels with a number a class can be evaluated: a Keras model, a .tflite file.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import keras
import numpy as np

from kerascnn.errors import UserError
from kerascnn.evaluation.crops import Plan, crops_of, plan_of, scaled
from kerascnn.evaluation.dense import slid
from kerascnn.evaluation.pictures import Pictures, Shape

AT_ONCE = 256  # crops that are in memory
READERS = 4  # threads that decode and resize
LEAST = 1e-30  # of a probability that a file rounds to nothing


@dataclass(frozen=True)
class Predictor:
    """Something that answers pixels.

    called: what messages call it. shape: the pixels it takes, (height, width, channels). answer:
    pixels 0..255, (n, *shape) -> a number a class, (n, classes). probabilities: whether these are
    that, else logits. resize: the rule that whole pictures come to `shape` by, "stretch" or "pad".
    model: the Keras model, for what crops cannot give; None of a file.
    """

    called: Any
    shape: Shape
    answer: Callable[[np.ndarray], np.ndarray]
    probabilities: bool = False
    resize: str = "stretch"
    model: keras.Model | None = None


def log_probabilities(outputs: np.ndarray, *, probabilities: bool = False) -> np.ndarray:
    """Logarithms of the probabilities, (n, classes) float64, of logits or of probabilities."""
    outputs = np.asarray(outputs, "float64")
    if probabilities:
        return np.log(np.maximum(outputs, LEAST))
    shifted = outputs - outputs.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def averaged(logs: Sequence[np.ndarray] | np.ndarray, axis: int = 0) -> np.ndarray:
    """Logarithms of the average of probabilities that are given by their logarithms."""
    logs = np.asarray(logs)
    largest = logs.max(axis=axis, keepdims=True)
    means = np.exp(logs - largest).mean(axis=axis, keepdims=True)
    return np.squeeze(largest + np.log(np.maximum(means, LEAST)), axis)


def scores(
    predictor: Predictor,
    pictures: Pictures,
    crops: str | None = None,
    scales: Sequence[int] | None = None,
) -> np.ndarray:
    """What a predictor says of pictures: log-probabilities, (n, classes) float64.

    Args:
        crops: a name of `PLANS`; None for whole pictures, brought to size by the predictor's rule.
            The probabilities of all crops of a picture, and of all scales, are averaged.
        scales: pixels that the short side of a picture gets, in place of the plan's.

    Raises:
        UserError: unknown crops, a predictor that cannot be slid, or pictures that cannot be read.
    """
    if crops is None:
        found = [_answers(predictor, batch) for batch in _whole(predictor, pictures)]
        return np.concatenate(found)
    plan = plan_of(crops, predictor.shape[:2], scales)
    if plan.views is None:
        return _slid_scores(predictor, pictures, plan)
    found = []
    for cut in _cropped(predictor, pictures, plan):
        logs = _answers(predictor, np.concatenate(cut))
        found.append(averaged(logs.reshape(len(cut), len(cut[0]), -1), axis=1))
    return np.concatenate(found)


def _answers(predictor, pixels):
    return log_probabilities(predictor.answer(pixels), probabilities=predictor.probabilities)


def _whole(predictor, pictures) -> Iterator[np.ndarray]:
    for start in range(0, len(pictures), AT_ONCE):
        indices = range(start, min(start + AT_ONCE, len(pictures)))
        yield pictures.fitted(indices, predictor.shape, predictor.resize)


def _picture(predictor, pictures, index):
    """A picture as it was taken; of one that is padded or cut to its size that part alone."""
    if predictor.resize == "pad":
        return pictures.fitted([index], predictor.shape, "pad")[0]
    return pictures.whole(index, predictor.shape[2])


def _cropped(predictor, pictures, plan) -> Iterator[list[np.ndarray]]:
    """The crops of some pictures, (crops, *shape) each, and of the next ones."""

    def read(index):
        return crops_of(_picture(predictor, pictures, index), predictor.shape[:2], plan)

    with ThreadPoolExecutor(READERS) as pool:
        cut, start = [read(0)] if len(pictures) else [], 1
        each = max(1, AT_ONCE // len(cut[0])) if cut else 1
        while cut:
            following = range(start, min(start + each, len(pictures)))
            reading = [pool.submit(read, index) for index in following]
            yield cut
            cut, start = [future.result() for future in reading], start + each


def _slid_scores(predictor, pictures, plan: Plan):
    """Averaged over the picture and its mirror image, and over the scales."""
    if predictor.model is None:
        raise UserError(
            f"{predictor.called}: takes pictures of one size, and cannot be slid over larger ones; "
            "evaluate it on crops, or the Keras model that it was made of"
        )
    network, found = slid(predictor.model), []
    given = partial(log_probabilities, probabilities=predictor.probabilities)
    for index in range(len(pictures)):
        whole, logs = _picture(predictor, pictures, index), []
        for scale in plan.scales:
            picture, _ = scaled(whole, predictor.shape[:2], scale)
            both = np.stack([picture, picture[:, ::-1]])
            try:
                outputs = keras.ops.convert_to_numpy(network(both, training=False))
            except Exception as error:  # of Keras, of its backend, of a layer's own code
                reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
                raise UserError(
                    f"{predictor.called}: cannot be slid over a picture of "
                    f"{picture.shape[0]}x{picture.shape[1]}: {reason}; evaluate it on crops"
                ) from None
            logs.append(given(outputs))
        found.append(averaged(np.concatenate(logs)))
    return np.stack(found)

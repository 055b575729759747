"""How much a network notices that its images are moved, scaled or turned.

Curves as in Zeiler & Fergus, "Visualizing and Understanding Convolutional Networks",
arXiv:1311.2901, Figure 5; equivariance as in Lenc & Vedaldi, "Understanding Image Representations
by Measuring Their Equivariance and Equivalence", arXiv:1411.5908, for translations.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import keras
import numpy as np

from kerascnn.analysis import describe
from kerascnn.errors import UserError
from kerascnn.evaluation import outputs_of
from kerascnn.experiments.moved import rotated, scaled, translated
from kerascnn.models.graph import functional
from kerascnn.visualization.feature_maps import maps_of
from kerascnn.visualization.panels import spread

MOST_IMAGES = 200  # for the curves
FEW_IMAGES = 32  # for the maps, which are large
AT_ONCE = 8
MOST_SHIFTS = 9
FACTORS = (0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.4, 1.6)
DEGREES = tuple(range(-90, 91, 15))


@dataclass(frozen=True)
class Answer:
    """What a network answers to images that were moved, scaled or turned by `amount`.

    movement: "translation", in pixels, "scale", a factor, or "rotation", in degrees. change: the
    mean over the images of |y' - y| / |y|, y the outputs of an image as it is. same: the share
    of images whose class stays. accuracy: the share of those that get theirs; None without labels.
    """

    movement: str
    amount: float
    change: float
    same: float
    accuracy: float | None


@dataclass(frozen=True)
class Equivariance:
    """Whether a stage's features of a moved image are the moved features.

    stage: the layer that it ends with. stride: image pixels from one feature to the next.
    aligned: |f(T x) - T f(x)| / |f(T x)|, where T moves by multiples of the stride. between: where
    it moves by fractions of it; the features are then moved by a straight line between two.
    aligned_inside, between_inside: of features that see nothing but what is in both images: no
    padding, and nothing that came in. None where there is no such shift or no such feature.
    """

    stage: str
    stride: float
    aligned: float | None
    between: float | None
    aligned_inside: float | None
    between_inside: float | None


@dataclass(frozen=True)
class Invariance:
    """images: how many were looked at. answers: in the order of their amounts."""

    images: int
    answers: tuple[Answer, ...]
    stages: tuple[Equivariance, ...]


def invariance(
    model: keras.Model, images: np.ndarray, labels: np.ndarray | None = None
) -> Invariance:
    """Measures how answers and features of a network follow its images.

    What comes in from outside a moved image repeats its edge.

    Args:
        model: one input of images, one output a class, (n, classes).
        images: (n, height, width, channels), as the model takes them. labels: (n,) integers.

    Raises:
        UserError: another kind of model or images.
    """
    inputs, outputs = functional(model).inputs, functional(model).outputs
    if len(inputs) != 1 or len(outputs) != 1 or images.ndim != 4 or len(outputs[0].shape) != 2:
        raise UserError(
            f"{model.name}: expected one input of images and one output, (n, classes), got "
            f"{len(inputs)} and {', '.join(str(y.shape) for y in outputs)}"
        )
    chosen = list(spread(len(images), MOST_IMAGES))
    images, labels = images[chosen], None if labels is None else labels[chosen]
    plain = outputs_of(model, images.astype("float32"), model.name)
    answers = [
        _answer(model, plain, labels, movement, amount, [move(images) for move in moves])
        for movement, amount, moves in _movements(min(images.shape[1:3]))
    ]
    few = images[list(spread(len(images), FEW_IMAGES))]
    return Invariance(len(images), tuple(answers), tuple(equivariances(model, few)))


def _movements(side):
    """(movement, amount, functions of images that move them by it)."""
    ways: Sequence[tuple[int, int]] = ((1, 0), (-1, 0), (0, 1), (0, -1))
    for far in spread(side // 4 + 1, MOST_SHIFTS):
        moves: list[Callable[[np.ndarray], np.ndarray]] = [
            partial(translated, rows=far * y, columns=far * x) for y, x in ways
        ]
        yield "translation", far, moves
    for factor in FACTORS:
        yield "scale", factor, [partial(scaled, factor=factor)]
    for degrees in DEGREES:
        yield "rotation", degrees, [partial(rotated, degrees=degrees)]


def _answer(model, plain, labels, movement, amount, moved):
    """The mean over the ways that images were moved by one amount."""
    outputs = outputs_of(model, np.concatenate(moved).astype("float32"), model.name)
    given, before = outputs.argmax(axis=1), np.tile(plain, (len(moved), 1))
    same = float(np.mean(given == before.argmax(axis=1)))
    right = None if labels is None else float(np.mean(given == np.tile(labels, len(moved))))
    return Answer(movement, amount, change(before, outputs), same, right)


def change(before: np.ndarray, after: np.ndarray) -> float:
    """The mean over rows, (n, classes), of |after - before| / |before|."""
    norms = np.maximum(np.linalg.norm(before, axis=1), 1e-12)
    return float(np.mean(np.linalg.norm(after - before, axis=1) / norms))


def equivariances(model: keras.Model, images: np.ndarray) -> list[Equivariance]:
    """Of each stage, or each layer with weights where there are no stages, in their order.

    Args:
        images: (n, height, width, channels), as the model takes them.
    """
    fields = {row.name: row.receptive_field for row in describe(model).layers}
    found = []
    for name, tensor in maps_of(model).items():
        seen = fields.get(name)
        if not seen or seen[0].stride != seen[1].stride or seen[0].stride < 1:
            continue
        part, stride = keras.Model(functional(model).inputs[0], tensor), float(seen[0].stride)
        aligned, between = (
            _errors(part, images, seen, shifts)
            for shifts in _shifts(stride, min(images.shape[1:3]))
        )
        found.append(Equivariance(name, stride, aligned[0], between[0], aligned[1], between[1]))
    return found


def _shifts(stride, side):
    """(multiples of a stride, shifts between them), in whole pixels, at most half the image."""
    aligned = [round(stride * k) for k in (1, 2) if stride * k <= side / 2]
    steps = [s for s in range(1, round(stride)) if s <= side / 2]
    return aligned, [steps[i] for i in spread(len(steps), 3)] if steps else []


def _errors(part, images, seen, shifts):
    """Relative errors over all shifts, downwards and to the right: (of all features that have a
    counterpart, of those inside); None where there are none."""
    wrong, size = np.zeros(2), np.zeros(2)
    for start in range(0, len(images), AT_ONCE):
        batch = images[start : start + AT_ONCE].astype("float32")
        plain = _features(part, batch)
        for shift in shifts:
            for axis in (1, 2):
                moved = _features(part, translated(batch, *((shift, 0), (0, shift))[axis - 1]))
                by = shift / float(seen[axis - 1].stride)
                expected, kept = _moved(plain, by, axis)
                given = np.take(moved, kept, axis)
                inside = _inside(kept, seen[axis - 1], by, images.shape[axis])
                for i, chosen in enumerate((slice(None), inside)):
                    parts = (np.moveaxis(x, axis, 0)[chosen] for x in (given - expected, given))
                    for total, values in zip((wrong, size), parts, strict=True):
                        total[i] += np.sum(values**2)
    return [math.sqrt(w / s) if s else None for w, s in zip(wrong, size, strict=True)]


def _inside(places, field, by, side):
    """Which of the places see only pixels that are in the image before and after it moves."""
    first = places * float(field.stride) + float(field.offset)
    before = first - math.ceil(by) * float(field.stride)
    return (before >= 0) & (first + field.size <= side)


def _features(part, batch):
    return keras.ops.convert_to_numpy(part(batch, training=False)).astype("float64")


def _moved(features, by, axis):
    """(features moved by a number of places, the places where something was moved to)."""
    whole, rest = math.floor(by), by - math.floor(by)
    kept = np.arange(math.ceil(by), features.shape[axis])
    near = np.take(features, kept - whole, axis)
    if not rest:
        return near, kept
    return (1 - rest) * near + rest * np.take(features, kept - whole - 1, axis), kept

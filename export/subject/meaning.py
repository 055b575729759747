"""What the numbers at the ends of a model mean: raw pixels or a model's own, classes or others."""

from collections.abc import Sequence

import keras
import numpy as np
from keras import layers

from kerascnn.errors import UserError, unknown
from kerascnn.models.graph import functional, output_names

from ..integer_form.graph import Graph
from ..integer_form.operations import TRAINING_ONLY
from .samples import Samples

# |normalized pixel|: what was made for 0..255 stays below, what was made for 0..1 leaves it.
PIXELS_SHRINK_BELOW = 64.0
# A mean that is subtracted and is larger than this was taken of pixels 0..255 (Caffe's are 103.939,
# 116.779 and 123.68), whatever scale they keep.
MEAN_OF_PIXELS = 16.0
# Operations on pixels that leave them pixels: channels in another order, another size.
MOVING = (
    "GetItem",
    "Flip",
    "Take",
    "Stack",
    "Concatenate",
    "Resizing",
    "CenterCrop",
    "Cast",
    "Identity",
)
ARITHMETIC = ("Add", "Subtract", "Multiply", "Divide", "TrueDivide")  # with a constant
SIDE = 32  # pixels, of an input of any size
MEANINGS = ("classes", "numbers")


def pixel_inputs(model: keras.Model, samples: Samples | None = None) -> tuple[bool, ...]:
    """For each input of a model whether it takes raw pixels, 0..255.

    It does if it is of integers, or if whatever takes it begins by normalizing 0..255 and the
    samples, where there are any, lie within. That is a Rescaling, a Normalization or arithmetic
    with constants, also behind a resizing or channels in another order (Caffe's BGR).

    Args:
        model: functional or sequential, float or with its int8 rounding simulated.
        samples: what the model is given.
    """
    graph = functional(model)
    found = [_takes_pixels(model, x) for x in graph.inputs]
    if samples is None:
        return tuple(found)
    return tuple(
        takes and x.min() >= 0 and 1 < x.max() <= 255
        for takes, x in zip(found, samples.inputs, strict=True)
    )


def asked_pixels(
    model: keras.Model, pixels: bool | Sequence[bool] | None, samples: Samples | None = None
) -> tuple[bool, ...]:
    """The same where the caller may say so: for each input, for all, or None for what is found."""
    if pixels is None:
        return pixel_inputs(model, samples)
    if isinstance(pixels, bool):
        return (pixels,) * len(functional(model).inputs)
    return tuple(pixels)


def _takes_pixels(model, tensor):
    if tensor.dtype == "uint8":
        return True
    return _normalized_by_all(Graph(model), tensor, tensor)


def _normalized_by_all(graph, image, tensor):
    """Whether whatever takes a tensor, which an image became, normalizes pixels."""
    consumers = graph.consumers.get(id(tensor), [])
    return bool(consumers) and all(_normalizes_pixels(graph, image, node) for node in consumers)


def _normalizes_pixels(graph, image, node):
    """Whether an operation makes pixels small numbers, or those behind it that take no weights."""
    operation = node.operation
    if isinstance(operation, keras.Model):
        try:
            return all(pixel_inputs(operation))
        except UserError:
            return False  # a subclassed one within
    if isinstance(operation, TRAINING_ONLY) or type(operation).__name__ in MOVING:
        return _normalized_by_all(graph, image, node.outputs[0])
    if len(node.input_tensors) > 1 or not _is_affine(operation):
        return False
    return _are_normalized(image, node.outputs[0]) or _normalized_by_all(
        graph, image, node.outputs[0]
    )


def _is_affine(operation):
    if isinstance(operation, layers.Rescaling | layers.Normalization):
        return True
    return type(operation).__name__ in ARITHMETIC and not isinstance(operation, keras.Layer)


def _are_normalized(image, tensor):
    """Whether a tensor is what a network that was made for pixels, 0..255, computes with."""
    shape = [SIDE if n is None else n for n in image.shape[1:]]
    ends = np.stack([np.zeros(shape, "float32"), np.full(shape, 255, "float32")])
    black, white = keras.ops.convert_to_numpy(keras.Model(image, tensor)(ends)).astype("float32")
    if max(np.abs(black).max(), np.abs(white).max()) < PIXELS_SHRINK_BELOW:
        return True
    scale = (white - black) / 255
    means = -black / np.where(scale == 0, 1, scale)
    return bool((means > MEAN_OF_PIXELS).all() and (means < 255).all())


def meanings_of(
    model: keras.Model, stated: dict[str, str] | None = None, samples: Samples | None = None
) -> tuple[str | None, ...]:
    """For each output what it means: "classes" or "numbers"; None where nobody says.

    Args:
        model: functional or sequential.
        stated: name of an output -> its meaning, as the owner of the model says it.
        samples: with targets: rows of one class number, or of ones and zeros, are classes.

    Raises:
        UserError: a name that is no output, or a meaning that is none.
    """
    names, stated = output_names(model), stated or {}
    for name, meaning in stated.items():
        if name not in names:
            raise unknown("output", name, names)
        if meaning not in MEANINGS:
            raise unknown("meaning", meaning, MEANINGS)
    targets = (samples.targets if samples else None) or [None] * len(names)
    if len(targets) != len(names):
        targets = [None] * len(names)
    return tuple(
        stated.get(name) or _by_targets(output.shape, y)
        for name, output, y in zip(names, functional(model).outputs, targets, strict=True)
    )


def _by_targets(shape, targets):
    if targets is None:
        return None
    if len(shape) == 2 and shape[1] > 1:
        whole = targets.size == len(targets) and (targets == np.rint(targets)).all()
        if whole and targets.min() >= 0 and targets.max() < shape[1]:
            return "classes"
        one_hot = targets.shape[1:] == shape[1:] and np.isin(targets, (0, 1)).all()
        if one_hot and (targets.sum(axis=1) == 1).all():
            return "classes"
    return "numbers"


def class_numbers(targets: np.ndarray) -> np.ndarray:
    """Targets of classes, numbers (n,) or (n, 1) or one-hot rows, as numbers, (n,)."""
    return targets.argmax(axis=1) if targets.size > len(targets) else targets.reshape(-1)

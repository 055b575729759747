"""Losses of a classifier and its accuracy, on labels or on shares of the classes. Every backend."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops


def shares(labels: Any, classes: int, smoothing: float = 0.0) -> Any:
    """What a batch should answer, as a distribution over the classes.

    Args:
        labels: (batch,) or (batch, 1) integers, or (batch, classes) shares, as mixup and cutmix
            make them; or (batch, height, width) integers, a class a pixel.
        classes: how many. smoothing: the part that is spread evenly over all of them, section 7 of
            "Rethinking the Inception Architecture", arXiv:1512.00567.

    Returns:
        (batch, classes) or (batch, height, width, classes) float32, rows of sum 1.
    """
    if not are_shares(labels, classes):
        dense = len(labels.shape) > 2
        labels = ops.one_hot(labels if dense else ops.reshape(labels, (-1,)), classes)
    labels = ops.cast(labels, "float32")
    return labels * (1 - smoothing) + smoothing / classes if smoothing else labels


def are_shares(labels: Any, classes: int) -> bool:
    """Whether labels are shares of the classes, (batch, classes), and not numbers of classes."""
    return len(labels.shape) == 2 and labels.shape[-1] == classes and classes > 1


def cross_entropy(labels: Any, logits: Any, smoothing: float = 0.0) -> Any:
    """The cross-entropy of each image, (batch,), in nats. labels, smoothing: as in `shares`.

    Of logits a pixel, (batch, height, width, classes), it is the mean over the pixels: Long,
    Shelhamer & Darrell, "Fully Convolutional Networks", arXiv:1411.4038.
    """
    classes, dense = logits.shape[-1], len(logits.shape) > 2
    if smoothing or are_shares(labels, classes):
        targets = shares(labels, classes, smoothing)
        each = ops.categorical_crossentropy(targets, logits, from_logits=True)
    else:
        labels = labels if dense else ops.reshape(labels, (-1,))
        each = ops.sparse_categorical_crossentropy(labels, logits, from_logits=True)
    return ops.mean(each, axis=(1, 2)) if dense else each


def hinge(labels: Any, logits: Any, smoothing: float = 0.0) -> Any:
    """The loss of the multi-class support vector machine for each image, (batch,).

        sum over j != y of max(0, 1 + logits[j] - logits[y])

    Of shares it is the mean over the classes, by their shares. labels, smoothing: as in `shares`.

    Source: Weston & Watkins, "Support Vector Machines for Multi-Class Pattern Recognition", ESANN
    1999.
    """
    classes = logits.shape[-1]
    if smoothing or are_shares(labels, classes):
        margins = ops.expand_dims(logits, 1) - ops.expand_dims(logits, 2) + 1  # (batch, y, j)
        each = ops.sum(ops.relu(margins), axis=2) - 1  # without j == y
        return ops.sum(ops.cast(shares(labels, classes, smoothing), each.dtype) * each, axis=1)
    of_labels = ops.take_along_axis(logits, ops.reshape(labels, (-1, 1)), axis=1)
    return ops.sum(ops.relu(logits - of_labels + 1), axis=1) - 1


LOSSES: dict[str, Callable[..., Any]] = {"cross_entropy": cross_entropy, "hinge": hinge}


class BatchMean(keras.losses.Loss):
    """The mean over a batch of a loss an image, as Keras takes it on one device and on many."""

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return y_pred


class Accuracy(keras.metrics.Mean):
    """The share of a batch whose largest logit is its label, or the class of the largest share.

    Of a class a pixel it is the share of the pixels.
    """

    def __init__(self, name: str = "accuracy", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)

    def update_state(self, labels: Any, logits: Any, sample_weight: Any = None) -> None:
        if are_shares(labels, logits.shape[-1]):
            labels = ops.argmax(labels, axis=-1)
        labels = ops.cast(ops.reshape(labels, (-1,)), "int32")
        answers = ops.cast(ops.reshape(ops.argmax(logits, axis=-1), (-1,)), "int32")
        hits = ops.equal(answers, labels)
        super().update_state(ops.cast(hits, self.dtype), sample_weight)


def mean_iou(classes: int) -> keras.metrics.Metric:
    """The mean over the classes of intersection over union, of labels and logits a pixel.

    It counts over all images together; a class that neither labels nor answers have is left out.
    """
    return keras.metrics.MeanIoU(classes, sparse_y_true=True, sparse_y_pred=False, name="mean_iou")

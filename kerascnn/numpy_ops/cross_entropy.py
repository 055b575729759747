"""Softmax and cross-entropy as one operator, which is exact where the two apart overflow."""

import numpy as np

from kerascnn.errors import UserError


def softmax_cross_entropy(logits: np.ndarray, targets: np.ndarray) -> float:
    """Mean over the batch of -sum over classes of targets log(softmax(logits)).

    Args:
        logits: (batch, classes).
        targets: (batch, classes), probabilities: a one-hot row for a label, which
            `np.eye(classes)[labels]` makes, or a smoothed one, or a teacher's.

    Returns:
        The loss, a number.

    Raises:
        UserError: targets of another shape than logits.
    """
    _check(logits, targets)
    return -(targets * _log_softmax(logits)).sum() / len(logits)


def softmax_cross_entropy_gradient(logits: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Gradient of `softmax_cross_entropy` with respect to the logits, of their shape.

    (sum(targets) softmax(logits) - targets) / batch, where a row of probabilities has the sum one.
    Errors of the operator.
    """
    _check(logits, targets)
    total = targets.sum(axis=-1, keepdims=True)
    return (total * np.exp(_log_softmax(logits)) - targets) / len(logits)


def _log_softmax(logits):
    """logits - log(sum(exp(logits))), the largest taken off first so that exp cannot overflow."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def _check(logits, targets):
    if logits.ndim != 2 or targets.shape != logits.shape:
        raise UserError(
            "expected logits and targets (batch, classes), targets as probabilities "
            "(np.eye(classes)[labels] makes them of labels), "
            f"got shapes {logits.shape} and {targets.shape}"
        )

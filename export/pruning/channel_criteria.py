"""How much a channel matters, and the regularization that tells those that do not.

Every criterion gives one number for each group of channels; the smallest go first.

gamma    mean |scale| of the batch normalizations behind it: Liu et al., "Learning Efficient
         Convolutional Networks through Network Slimming", arXiv:1708.06519. Train with `slim`
         before it.
l1, l2   mean norm of the filters that make it, in units of their layer's mean: Li et al.,
         "Pruning Filters for Efficient ConvNets", arXiv:1608.08710.
taylor   (change of the loss if it were zero, to first order)^2, mean over batches: Molchanov et
         al., arXiv:1611.06440 and 1906.10771. For what multiplies a channel the sum of
         activation x gradient equals that of weight x gradient, which is what is computed.
"""

from collections.abc import Callable
from typing import Any, get_args

import keras
import numpy as np
from keras import layers, ops

from kerascnn.errors import UserError, unknown

from ..recipes.stages import Criterion
from .channel_groups import LOCKED, ChannelGroups


def slim(model: keras.Model, strength: float) -> None:
    """Adds strength x |gamma| of every batch normalization to the loss of the training to come.

    The term is part of no config: a model that is saved and loaded again is free of it.
    """
    gammas = [
        layer.gamma
        for layer in model.layers
        if isinstance(layer, layers.BatchNormalization) and layer.scale
    ]
    if not gammas:
        raise UserError(
            f"channels.slimming: expected batch normalization with a scale, {model.name} has "
            "none; leave slimming out and take the criterion taylor or l2"
        )
    for gamma in gammas:
        gamma.regularizer = keras.regularizers.L1(strength)


def importance(
    groups: ChannelGroups, criterion: str, taylor: Callable[[], Any] | None = None
) -> np.ndarray:
    """Scores every group of channels.

    Args:
        groups: `ChannelGroups`.
        criterion: "gamma", "l1", "l2" or "taylor".
        taylor: gives the scores of "taylor" when it is called; see `loss_slopes`.

    Returns:
        (groups.count,) floats; infinity for what the criterion cannot judge, and for what is
        locked.
    """
    if criterion == "taylor" and taylor is not None:
        scores = taylor()
    elif criterion == "gamma":
        scores = _mean(groups, _gammas(groups))
    elif criterion in ("l1", "l2"):
        scores = _mean(groups, _norms(groups, 1 if criterion == "l1" else 2))
    else:
        raise unknown("criterion", criterion, get_args(Criterion))
    scores[LOCKED] = np.inf
    if groups.count > 1 and np.isinf(scores).all():
        raise UserError(
            f"channels.criterion: {groups.model.name} has no batch normalization with a scale on "
            "channels that can be removed; take taylor, l1 or l2"
        )
    return scores


def _gammas(groups):
    for name, weights in groups.weights.items():
        layer = groups.model.get_layer(name)
        if isinstance(layer, layers.BatchNormalization) and layer.scale:
            yield weights[0].columns[1], np.abs(ops.convert_to_numpy(layer.gamma))


def _norms(groups, order):
    for name, weights in groups.weights.items():
        for variable, weight in zip(groups.model.get_layer(name).weights, weights, strict=True):
            if "kernel" in variable.name and weight.columns:
                axis, labels = weight.columns
                filters = np.moveaxis(ops.convert_to_numpy(variable), axis, 0)
                norms = np.linalg.norm(filters.reshape(len(labels), -1), order, axis=1)
                yield labels, norms / max(norms.mean(), np.finfo("float32").tiny)


def _mean(groups, parts):
    """The mean of what `parts`, pairs of (group, score), say of each group."""
    total, members = np.zeros(groups.count), np.zeros(groups.count)
    for labels, values in parts:
        total += np.bincount(labels, values, groups.count)
        members += np.bincount(labels, minlength=groups.count)
    return np.where(members > 0, total / np.maximum(members, 1), np.inf)

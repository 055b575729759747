"""Channel removal: a physically thinner network of the same layers.

What `channel_groups` ties together is judged by a criterion, and the least important groups go
until a share of the multiplications is left. The layers are made anew with fewer filters and the
weights that belong to them.

A removed channel counts as zero. That changes nothing where its outgoing weights are zero, or
where it is zero itself. A channel that slimming has made constant (gamma 0, beta not) is taken as
zero too, not folded into the next bias: behind zero padding its share differs from pixel to
pixel, and the fine-tuning that follows restores what it added.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from kerascnn.errors import UserError
from kerascnn.models.copying import copied
from kerascnn.models.graph import traced

from ..subject.samples import Samples, samples_of
from .channel_choice import choose
from .channel_criteria import importance
from .channel_groups import ChannelGroups, find_groups
from .loss_slopes import SAMPLES, slopes

WIDTHS = 8  # layers shrink to multiples of this


@dataclass(frozen=True)
class Width:
    """The channels a layer makes, before and after."""

    name: str
    before: int
    after: int


@dataclass(frozen=True)
class Scored:
    """What a removal starts from.

    groups: of the model. scores: their importance, (groups.count,). samples: of the data; or None.
    """

    groups: ChannelGroups
    scores: np.ndarray
    samples: Samples | None

    @property
    def sizes(self) -> list[tuple[int, ...]] | None:
        """Of the inputs, where there are samples."""
        return None if self.samples is None else [x.shape[1:] for x in self.samples.inputs]


def remove_channels(
    model: keras.Model,
    macs: float,
    *,
    data: Any = None,
    loss: Any = None,
    criterion: str = "taylor",
    multiple_of: int = WIDTHS,
) -> keras.Model:
    """A thinner copy of a model, without the channels that matter least.

        thin = export.remove_channels(model, macs=0.5, data=train_ds, loss="mse")
        thin.compile(...)
        thin.fit(...)  # what was removed costs accuracy, which training brings back

    Args:
        model: functional, sequential, or a class of its own that is made of Keras operations;
            channels last. It stays as it is.
        macs: the share of the multiply-accumulates to keep at most, between 0 and 1.
        data: for "taylor", what the model is fitted with, inputs and targets (see `samples_of`);
            the first 1024 samples are used. Where the model takes any size, theirs is counted.
        loss: for "taylor", as `compile` takes it: a Keras loss, its name, a function, or one for
            each output; by default what the model was compiled with.
        criterion: "gamma", "l1", "l2" or "taylor"; see `channel_criteria`.
        multiple_of: widths that shrink, shrink to a multiple of this; 1 for any. Where the share
            cannot be reached so, the largest multiple that reaches it is taken; one line says so.

    Returns:
        A `keras.Model` of the same class, layers, names, inputs and outputs, not compiled. Nested
        models stay nested. `channel_widths` and `kerascnn.count` say what has changed.

    Raises:
        UserError: a share that cannot be reached, a criterion, data or a loss that does not fit.
    """
    if not 0 < macs < 1:
        raise UserError(f"channels.macs: expected a share between 0 and 1, got {macs}")
    if multiple_of < 1:
        raise UserError(f"channels.multiple_of: expected at least 1, got {multiple_of}")
    found = scored(model, data=data, loss=loss, criterion=criterion)
    return narrow(found.groups, choose(found.groups, found.scores, macs, multiple_of, found.sizes))


def scored(model: keras.Model, *, data: Any, loss: Any, criterion: str) -> Scored:
    """The groups of a model and their importance; see `remove_channels`."""
    graph = traced(model)
    groups = find_groups(graph)
    samples = None if data is None else samples_of(graph, data, SAMPLES)
    scores = importance(groups, criterion, partial(slopes, groups, model, samples, loss))
    return Scored(groups, scores, samples)


def channel_widths(before: keras.Model, after: keras.Model) -> tuple[Width, ...]:
    """A `Width` for each layer that makes channels, of a model and of what was removed from it.

    Raises:
        UserError: a model that has not the layers of the other.
    """
    old, new = (find_groups(traced(model)) for model in (before, after))
    if old.producers != new.producers:
        raise UserError(
            f"{after.name}: expected what remove_channels made of {before.name}; its layers differ"
        )
    return tuple(Width(x, len(old.outputs[x]), len(new.outputs[x])) for x in old.producers)


def narrow(groups: ChannelGroups, keep: np.ndarray) -> keras.Model:
    """Builds the network without the groups that are not in `keep`, weights included."""

    def flat(layer):
        return groups.model.get_layer(groups.names[id(layer)])

    def narrowed(layer):
        config = _narrow_config(flat(layer), groups, keep)
        return type(layer).from_config({**config, "name": layer.name})

    return copied(groups.source, narrowed, lambda layer: _narrow_weights(flat(layer), groups, keep))


def _narrow_config(layer, groups, keep):
    config = layer.get_config()
    width = int(keep[groups.outputs[layer.name]].sum())
    if layer.name in groups.producers:
        config["units" if "units" in config else "filters"] = width
    if isinstance(layer, layers.Reshape) and width and config["target_shape"][-1] != -1:
        config["target_shape"] = (*config["target_shape"][:-1], width)
    if groups.loses_whole_groups(layer):
        config["groups"] = width // (layer.filters // layer.groups)
    return config


def _narrow_weights(layer, groups, keep):
    values = [ops.convert_to_numpy(w) for w in layer.weights]
    for i, weight in enumerate(groups.weights.get(layer.name, ())):
        for axis, labels in weight.axes:
            values[i] = np.compress(keep[labels], values[i], axis=axis)
    return values

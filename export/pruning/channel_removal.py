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
from math import gcd

import keras
import numpy as np
from keras import layers, ops

from kerascnn.analysis.counting import layer_macs
from kerascnn.analysis.graph import walk as walk_calls
from kerascnn.errors import UserError
from kerascnn.models.graph import new_inputs, walk

from .channel_criteria import importance
from .channel_groups import LOCKED, find_groups

MINIMUM = 1 / 8  # of the channels that are removed together, this share always stays


@dataclass(frozen=True)
class Width:
    """The channels a layer makes, before and after."""

    name: str
    before: int
    after: int


@dataclass(frozen=True)
class Narrowed:
    """model: the thinner network. widths: a row for every layer that makes channels."""

    model: keras.Model
    macs_before: int
    macs_after: int
    widths: tuple[Width, ...]


def remove_channels(model, macs, *, criterion="taylor", multiple_of=8, batches=()):
    """Removes the least important channels of a network.

    Args:
        model: functional or sequential, channels last.
        macs: the share of the multiply-accumulates to keep at most, between 0 and 1.
        criterion: "gamma", "l1", "l2" or "taylor"; see `channel_criteria`.
        multiple_of: widths that shrink, shrink to a multiple of this; 1 for any.
        batches: for "taylor", an iterable of (images, labels).

    Returns:
        A `Narrowed`; its model has the layers, names, inputs and outputs of the old one. Nested
        models are inlined.

    Raises:
        UserError: a share that cannot be reached, or a criterion that does not fit the model.
    """
    if not 0 < macs < 1:
        raise UserError(f"channels.macs: expected a share between 0 and 1, got {macs}")
    if multiple_of < 1:
        raise UserError(f"channels.multiple_of: expected at least 1, got {multiple_of}")
    groups = find_groups(model)
    scores = importance(groups, criterion, batches)
    keep = choose(groups, scores, macs, multiple_of)
    kept = {name: keep[groups.outputs[name]] for name in groups.makers}
    widths = tuple(Width(name, len(x), int(x.sum())) for name, x in kept.items())
    count = Multiplications(groups)
    everything = np.ones(groups.count, bool)
    return Narrowed(narrow(groups, keep), count(everything), count(keep), widths)


def choose(groups, scores, macs, multiple_of):
    """Which groups stay, as booleans: those of least importance a multiplication go first.

    Groups that make the same layers wider are removed in steps that leave each of these layers a
    multiple of `multiple_of`; `scores` is their importance.
    """
    count = Multiplications(groups)
    steps = sorted(_steps(groups, scores, count, multiple_of), key=lambda step: step[0])

    def after(number):
        keep = np.ones(groups.count, bool)
        for _, _, removed in steps[:number]:
            keep[removed] = False
        return keep

    total, least = count(after(0)), count(after(len(steps)))
    if least > macs * total:
        raise UserError(
            f"channels.macs: expected a share of at least {least / total:.3f}, got {macs}: no "
            f"more channels of {groups.model.name} can be removed in multiples of {multiple_of}"
        )
    low, high = 0, len(steps)
    while low < high:  # more steps never multiply more, so the first that fits can be bisected
        middle = (low + high) // 2
        fits = count(after(middle)) <= macs * total
        low, high = (low, middle) if fits else (middle + 1, high)
    keep, closed = after(low), set()
    for _, kind, removed in reversed(steps[:low]):
        # The last step may have removed far more than was asked for: give back what can be.
        keep[removed] = kind not in closed
        if kind not in closed and count(keep) > macs * total:
            keep[removed] = False
            closed.add(kind)
    return keep


def _steps(groups, scores, count, multiple_of):
    """(importance a multiplication, kind, groups removed); steps of one kind never fall."""
    kinds, costs = {}, count.of_each_group()
    for group, kind in enumerate(_kinds(groups)):
        if group != LOCKED and kind and np.isfinite(scores[group]):
            kinds.setdefault(kind, []).append(group)
    for kind, members in kinds.items():
        each = gcd(*(channels for _, channels in kind))
        unit = multiple_of // gcd(multiple_of, each)
        members = sorted(members, key=lambda group: scores[group])
        least = max(unit, int(np.ceil(MINIMUM * len(members))))
        start, key = 0, 0.0
        for left in range((len(members) - 1) // unit * unit, least - 1, -unit):
            removed = members[start : len(members) - left]
            key = max(key, scores[removed].sum() / max(costs[removed].sum(), 1))
            yield key, kind, removed
            start = len(members) - left


def _kinds(groups):
    """For each group: which layers it makes wider, and by how many channels."""
    kinds = [[] for _ in range(groups.count)]
    for name in groups.makers:
        for group, channels in zip(
            *np.unique(groups.outputs[name], return_counts=True), strict=True
        ):
            kinds[group].append((name, int(channels)))
    return [tuple(kind) for kind in kinds]


class Multiplications:
    """Counts the multiply-accumulates of a model with some groups removed, exactly.

    A kernel is multiplied once at every place, so a layer's count shrinks as its kernels do.
    """

    def __init__(self, groups):
        self.constant, self.parts, self.groups_count = 0, [], groups.count
        for call in walk_calls(groups.model).calls:
            macs = 0 if call.is_input else layer_macs(call) or 0
            weights = groups.weights.get(call.name)
            if not weights or not macs:
                self.constant += macs
                continue
            kernels = [
                (variable.shape, [(axis % len(variable.shape), labels) for axis, labels in w.axes])
                for variable, w in zip(call.operation.weights, weights, strict=True)
                if len(variable.shape) > 1
            ]
            places = macs // sum(int(np.prod(shape)) for shape, _ in kernels)
            self.parts.extend((places, *kernel) for kernel in kernels)

    def of_each_group(self):
        """What each group takes part in, while all others stay: (groups.count,)."""
        costs = np.zeros(self.groups_count)
        for places, shape, axes in self.parts:
            for axis, labels in axes:
                channel = places * np.prod(shape) / shape[axis]
                costs += channel * np.bincount(labels, minlength=self.groups_count)
        return costs

    def __call__(self, keep):
        total = self.constant
        for places, shape, axes in self.parts:
            sizes = list(shape)
            for axis, labels in axes:
                sizes[axis] = int(keep[labels].sum())
            total += places * int(np.prod(sizes))
        return total


def narrow(groups, keep):
    """Builds the network without the groups that are not in `keep`, weights included."""
    flat, twins = groups.model, {}

    def call(node, *args, **kwargs):
        layer = node.operation
        if not isinstance(layer, keras.Layer):
            return layer(*args, **kwargs)
        if layer.name not in twins:
            twins[layer.name] = type(layer).from_config(_narrow_config(layer, groups, keep))
        return twins[layer.name](*args, **kwargs)

    inputs = new_inputs(flat)
    model = keras.Model(inputs, walk(flat, inputs, call), name=flat.name)
    for name, twin in twins.items():
        layer = flat.get_layer(name)
        twin.trainable = layer.trainable
        twin.set_weights(_narrow_weights(layer, groups, keep))
        if isinstance(twin, layers.Normalization):
            twin.finalize_state()
    return model


def _narrow_config(layer, groups, keep):
    config = layer.get_config()
    width = int(keep[groups.outputs[layer.name]].sum())
    if layer.name in groups.makers:
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

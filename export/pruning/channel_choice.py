"""Which channels go, by their importance a multiplication, until a share of these is left."""

from collections.abc import Mapping
from math import gcd
from typing import Any

import keras
import numpy as np

from kerascnn.analysis.counting import layer_macs
from kerascnn.analysis.graph import walk as walk_calls
from kerascnn.console import console
from kerascnn.errors import UserError
from kerascnn.models.graph import walk

from .channel_groups import LOCKED, ChannelGroups

MINIMUM = 1 / 8  # of the channels that are removed together, this share always stays


def choose(
    groups: ChannelGroups, scores: np.ndarray, macs: float, multiple_of: int, sizes: Any = None
) -> np.ndarray:
    """Which groups stay, as booleans, for a share of the multiply-accumulates; see `Removal`.

    Widths become multiples of `multiple_of`, or of less where that does not reach the share.
    """
    removal = Removal(groups, scores, sizes)
    for multiple in range(multiple_of, 0, -1):
        least = removal.least(multiple)
        if least <= macs:
            break
    else:
        raise UserError(
            f"channels.macs: expected a share of at least {least:.3f}, got {macs}: "
            f"no more channels of {groups.model.name} can be removed"
        )
    if multiple < multiple_of:
        console.print(
            f"  channels: multiples of {multiple_of} do not reach {macs:g} of the multiplications; "
            f"widths are multiples of {multiple}"
        )
    return removal.keep(macs, multiple)


class Removal:
    """The order in which groups go: those of least importance first, for what they cost.

    Groups that make the same layers wider go in steps that leave each of these layers a multiple
    of a number. The cost is the multiply-accumulates, or what the layers take in time.

    Args:
        scores: importance, (groups.count,). sizes: of the inputs, where the model leaves them open.
        times: name of a layer -> what it takes, in any unit; by default by its multiplications.
    """

    def __init__(
        self,
        groups: ChannelGroups,
        scores: np.ndarray,
        sizes: Any = None,
        times: Mapping[str, float] | None = None,
    ) -> None:
        self.groups, self.scores = groups, scores
        self.count = Multiplications(groups, sizes, times)
        self.total = self.count(np.ones(groups.count, bool))
        self._sorted: dict[int, list] = {}

    def least(self, multiple: int) -> float:
        """The share of the multiply-accumulates that is left when nothing more can go."""
        steps = self._steps(multiple)
        return self.count(self._after(steps, len(steps))) / max(self.total, 1)

    def keep(self, macs: float, multiple: int) -> np.ndarray:
        """Which groups stay, as booleans, so that this share of the multiplications is left."""
        steps = self._steps(multiple)
        low, high = 0, len(steps)
        while low < high:  # more steps never multiply more: the first that fits can be bisected
            middle = (low + high) // 2
            fits = self.count(self._after(steps, middle)) <= macs * self.total
            low, high = (low, middle) if fits else (middle + 1, high)
        keep, closed = self._after(steps, low), set()
        for _, kind, removed in reversed(steps[:low]):
            # The last step may have removed far more than was asked for: give back what can be.
            keep[removed] = kind not in closed
            if kind not in closed and self.count(keep) > macs * self.total:
                keep[removed] = False
                closed.add(kind)
        return keep

    def _after(self, steps, number):
        keep = np.ones(self.groups.count, bool)
        for _, _, removed in steps[:number]:
            keep[removed] = False
        return keep

    def _steps(self, multiple):
        if multiple not in self._sorted:
            found = _steps(self.groups, self.scores, self.count, multiple)
            self._sorted[multiple] = sorted(found, key=lambda step: step[0])
        return self._sorted[multiple]


def _steps(groups, scores, count, multiple_of):
    """(importance a multiplication, kind, groups removed); steps of one kind never fall."""
    kinds, costs = {}, count.of_each_group()
    floor = min(count.rates, default=1.0)  # a group that costs nothing: as one multiplication
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
            key = max(key, scores[removed].sum() / max(costs[removed].sum(), floor))
            yield key, kind, removed
            start = len(members) - left


def _kinds(groups):
    """For each group: which layers it makes wider, and by how many channels."""
    kinds = [[] for _ in range(groups.count)]
    for name in groups.producers:
        for group, channels in zip(
            *np.unique(groups.outputs[name], return_counts=True), strict=True
        ):
            kinds[group].append((name, int(channels)))
    return [tuple(kind) for kind in kinds]


class Multiplications:
    """Counts the multiply-accumulates of a model with some groups removed, exactly.

    A kernel is multiplied once at every place, so a layer's count shrinks as its kernels do.
    """

    def __init__(
        self, groups: ChannelGroups, sizes: Any = None, times: Mapping[str, float] | None = None
    ) -> None:
        self.constant, self.parts, self.groups_count = 0, [], groups.count
        self.rates = []  # time a multiplication of each part, where times are known
        for call in walk_calls(_sized(groups.model, sizes)).calls:
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
            positions = macs // sum(int(np.prod(shape)) for shape, _ in kernels)
            self.parts.extend((positions, *kernel) for kernel in kernels)
            taken = (times or {}).get(call.name)
            self.rates.extend([taken / macs if taken else None] * len(kernels))
        known = [rate for rate in self.rates if rate is not None]
        usual = float(np.median(known)) if known else 1.0
        self.rates = [usual if rate is None else rate for rate in self.rates]

    def of_each_group(self) -> np.ndarray:
        """What each group takes part in, while all others stay: (groups.count,).

        In multiplications, or in the unit of the times that are known.
        """
        costs = np.zeros(self.groups_count)
        for rate, (positions, shape, axes) in zip(self.rates, self.parts, strict=True):
            for axis, labels in axes:
                channel = rate * positions * np.prod(shape) / shape[axis]
                costs += channel * np.bincount(labels, minlength=self.groups_count)
        return costs

    def __call__(self, keep):
        total = self.constant
        for positions, shape, axes in self.parts:
            sizes = list(shape)
            for axis, labels in axes:
                sizes[axis] = int(keep[labels].sum())
            total += positions * int(np.prod(sizes))
        return total


def _sized(model, sizes):
    """A model of any size on inputs of these sizes; one of fixed sizes as it is."""
    if sizes is None or not any(None in x.shape[1:] for x in model.inputs):
        return model
    inputs = [
        keras.Input(size, dtype=x.dtype, name=x.name)
        for size, x in zip(sizes, model.inputs, strict=True)
    ]
    return keras.Model(
        inputs, walk(model, inputs, lambda node, *args, **kwargs: node.operation(*args, **kwargs))
    )

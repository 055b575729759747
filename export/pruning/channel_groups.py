"""Which channels live and die together: what channel removal has to know of a network.

Every channel of every tensor gets a label. A convolution makes new ones; Add and Multiply put
those of their inputs into one group, Concatenate lines them up, Flatten repeats them, a depthwise
convolution passes them on. A group is removed as a whole or stays as a whole. What reaches the
network's inputs, its outputs, or a layer without a rule here is locked: it stays.

A grouped convolution can lose whole groups (inputs and outputs together), or as many channels in
each of them; the way that leaves more to choose is taken for each.
"""

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from kerascnn.models.graph import canonical_pairs, nodes, operands

from .channel_rules import (
    CONVOLUTIONS,
    ELEMENTWISE_OPERATIONS,
    RULES,
    Weight,
    merge,
)

LOCKED = 0  # the group of everything that stays


@dataclass(frozen=True)
class ChannelGroups:
    """The groups 0 .. count - 1 of a model; group 0 is locked.

    source: a copy of the model that was given, its blocks opened, its nested models nested. model:
    that one flat, with the same weights. names: id of a layer of `source` -> the name it has in
    `model`. outputs: layer name -> the group of
    each channel it gives (the first output of several). producers: names of the layers that make
    channels rather than pass them on. weights: layer name -> a `Weight` for each of its weights,
    for the layers that have a rule.
    """

    source: keras.Model
    model: keras.Model
    names: dict[int, str]
    count: int
    outputs: dict[str, np.ndarray]
    producers: tuple[str, ...]
    weights: dict[str, tuple[Weight, ...]]

    def loses_whole_groups(self, layer: keras.Layer) -> bool:
        """Whether this is a grouped convolution that loses whole groups, not a part of each."""
        grouped = type(layer) in CONVOLUTIONS and layer.groups > 1
        return grouped and layer.name in self.weights and not self.weights[layer.name][0].rows


def find_groups(model: keras.Model) -> ChannelGroups:
    """Returns the `ChannelGroups` of a functional or sequential model."""
    source, _ = canonical_pairs(model, split_activations=False, nested=True)
    flat, pairs = canonical_pairs(source, split_activations=False)
    names = {id(layer): copy.name for layer, copy in pairs}
    grouped = {x.name for x in flat.layers if type(x) in CONVOLUTIONS and x.groups > 1}
    labels = even = _Labels(flat, whole=())
    if grouped:
        whole = _Labels(flat, whole=grouped)
        better = {name for name in grouped if whole.choices(name) > even.choices(name)}
        labels = _Labels(flat, whole=better)
    return labels.groups(source, names)


class _Labels:
    """Labels of all channels, with a forest that joins them into groups (union-find)."""

    def __init__(self, model, whole):
        self.model, self.whole = model, whole
        self.parents = [LOCKED]
        self.calls, self.producers, self.weights = {}, [], {}
        self.tensors = {id(x): self.locked(x) for x in model.inputs}
        for node in nodes(model):
            inputs = [self.tensors[id(x)] for x in node.input_tensors]
            for tensor, labels in zip(node.outputs, self.visit(node, inputs), strict=True):
                self.tensors[id(tensor)] = labels
        for tensor in keras.tree.flatten(model.outputs):
            self.lock(self.tensors[id(tensor)])

    def visit(self, node, inputs):
        """The labels of a node's outputs."""
        layer = node.operation
        if id(layer) in self.calls:  # a shared layer: the same weights, hence the same groups
            first, outputs = self.calls[id(layer)]
            if [len(x) for x in first] == [len(x) for x in inputs]:
                for x, y in zip(first, inputs, strict=True):
                    self.join(x, y)
                return outputs
            for x in (*first, *outputs, *inputs):
                self.lock(x)
            return [self.locked(x) for x in node.outputs]
        outputs = self.apply(node, inputs)
        if outputs is None:
            for x in inputs:
                self.lock(x)
            outputs = [self.locked(x) for x in node.outputs]
        self.calls[id(layer)] = inputs, outputs
        return outputs

    def apply(self, node, inputs):
        """What the rule of a layer says, or None where there is none that fits."""
        layer = node.operation
        constants = [x for x in operands(node) if not keras.utils.is_keras_tensor(x)]
        if any(np.ndim(x) for x in constants) or not all(map(len, inputs[:1])):
            return None
        if getattr(layer, "data_format", None) == "channels_first":
            return None
        if not isinstance(layer, keras.Layer):
            rule: Any = merge if type(layer).__name__ in ELEMENTWISE_OPERATIONS else None
        else:
            rule = RULES.get(type(layer))
        labels = rule(self, layer, inputs, node) if rule else None
        return [labels] if isinstance(labels, np.ndarray) else labels

    def fresh(self, count, producer):
        """New labels, each a group of its own."""
        start = len(self.parents)
        labels = np.arange(start, start + count)
        self.parents.extend(labels.tolist())
        self.producers.append(producer.name)
        return labels

    def locked(self, tensor):
        width = tensor.shape[-1] if len(tensor.shape) > 1 else None
        return np.full(width or 0, LOCKED)

    def root(self, label):
        parents = self.parents
        while parents[label] != label:
            parents[label] = parents[parents[label]]
            label = parents[label]
        return label

    def join(self, xs, ys):
        """Puts each of `xs` and its partner of `ys` into one group."""
        for x, y in zip(xs.tolist(), ys.tolist(), strict=True):
            low, high = sorted((self.root(x), self.root(y)))
            self.parents[high] = low  # so that LOCKED, the lowest, stays a root

    def join_rows(self, table):
        for row in table[1:]:
            self.join(table[0], row)

    def lock(self, labels):
        self.join(labels, np.full(len(labels), LOCKED))

    def choices(self, name):
        """How many groups a layer's channels leave to choose from."""
        inputs, outputs = self.calls[id(self.model.get_layer(name))]
        roots = {self.root(x) for x in np.concatenate([*inputs, *outputs]).tolist()}
        return len(roots - {LOCKED})

    def groups(self, source, names):
        """The `ChannelGroups` of what the labels have been joined to."""
        roots = [self.root(x) for x in range(len(self.parents))]
        unique, group = np.unique(roots, return_inverse=True)

        def resolved(axis):
            return axis and (axis[0], group[axis[1]])

        by_id = {id(layer): layer.name for layer in self.model.layers}
        return ChannelGroups(
            source=source,
            model=self.model,
            names=names,
            count=len(unique),
            outputs={
                by_id[key]: group[outputs[0]]
                for key, (_, outputs) in self.calls.items()
                if key in by_id
            },
            producers=tuple(self.producers),
            weights={
                name: tuple(Weight(resolved(w.rows), resolved(w.columns)) for w in weights)
                for name, weights in self.weights.items()
            },
        )

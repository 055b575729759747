"""Quantization-aware training for Keras 3: where to round, and the model that rounds there.

A model is rebuilt with `FakeQuant` exactly where the int8 kernels of TFLite requantize: see
`placement`. An operation that averages integers, and keeps their scale, is rounded by the
very range of its input.

A batch normalization is not rounded: it is folded into the kernel in front, and what is rounded is
the kernel with it (see `folded_normalization`).
"""

import fnmatch
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import keras
from keras import layers, ops

from kerascnn.console import quiet_tensorflow
from kerascnn.errors import UserError
from kerascnn.models.graph import canonical, functional, like, new_inputs, nodes, producer, walk

from ..integer_form.names import operation_names
from ..integer_form.operations import PASS_THROUGH, is_excluded
from ..integer_form.rewrite import integer_form
from .fake_quant import FakeQuant
from .folded_normalization import FoldedBatchNormalization
from .placement import ABSORBED, WATCHED, roundings, shared_ranges
from .portions import portions
from .quantized_activations import quantized_activation
from .quantized_layers import PER_CHANNEL, QUANTIZED, is_int8
from .quantized_model import QuantizedModel
from .rules import refuse_unknown


def quantized_model(
    model: keras.Model,
    *,
    per_channel: bool = True,
    exclude: Sequence[str] = (),
    pixels: Sequence[bool] | None = None,
) -> keras.Model:
    """Rebuilds a model so that it trains, and predicts, with int8 weights and activations.

    Args:
        model: functional or sequential.
        per_channel: a scale for each output channel of a convolution, else one a tensor.
        exclude: shell patterns of the names of layers that stay float, with their weights. Their
            outputs are rounded where an int8 layer takes them, and at the end of the network. What
            TFLite computes without weights, between two roundings or on the scale of its input
            (as the mean inside a LayerNormalization), is int8 in the file all the same.
        pixels: for each input whether it takes raw pixels, 0..255; all do by default. Any other
            input is rounded to 256 steps of its range.

    Returns:
        A `keras.Model` of the same layer names, weights, inputs and outputs. Calibrate it before
        anything else.

    Raises:
        UserError: a layer that int8 has no rule for; it is named. A pattern that no layer has. A
            model that simulates int8 already.
    """
    refuse_quantized(model)
    _refuse_unmatched(exclude, model)
    pixels = tuple(pixels) if pixels is not None else (True,) * len(functional(model).inputs)
    flat = integer_form(model, exclude=exclude, folds_itself=True, pixels=pixels)
    return Quantizer(flat, per_channel, exclude, pixels).quantized(model)


def refuse_quantized(model: keras.Model) -> None:
    """UserError where a model simulates int8 already."""
    if is_int8(model):
        raise UserError(
            f"{model.name}: simulates int8 already; train it further as it is, or give the float "
            "model of it, export.strip(model)"
        )


class Quantizer:
    """Calls the layers of an integer form with their quantized classes, and rounds between them."""

    def __init__(
        self, flat: keras.Model, per_channel: bool, exclude: Sequence[str], pixels: Sequence[bool]
    ) -> None:
        self.flat, self.per_channel, self.exclude, self.pixels = flat, per_channel, exclude, pixels
        self.rounded = roundings(flat, exclude=exclude)
        self.shared = shared_ranges(flat, self.rounded, exclude=exclude)
        self.copies = {}  # by the id of their layer
        self.names = Counter()  # of the roundings
        self.ranges, self.filled = {}, Counter()  # by the id of the first node of a range
        self.rounders = {}  # id of a tensor -> what rounded it

    def quantized(self, model: keras.Model) -> keras.Model:
        """The quantized model, with the names of the outputs of `model`."""
        inputs = new_inputs(self.flat)
        ends = keras.tree.flatten(inputs)
        names = operation_names(x.name for x in ends)
        starts = [
            x if takes else self._rounded(x, FakeQuant(name=f"{name}_quant"))
            for x, takes, name in zip(ends, self.pixels, names, strict=True)
        ]
        outputs = walk(self.flat, starts, self._call)
        simulation = QuantizedModel(inputs, outputs, name=self.flat.name)
        for layer, copy in self.copies.values():
            if copy is layer:  # an operation of Keras, see `_copy`
                continue
            added = copy.get_weights()[len(layer.weights) :]
            copy.set_weights([*layer.get_weights(), *added])
            copy.trainable = layer.trainable
        return like(model, simulation.named(self.flat.output_names, self.flat.inlined))

    def _call(self, node, *args, **kwargs):
        before = self.rounders.get(id(keras.tree.flatten((args, kwargs))[0]))
        if before is not None and averages_what_is_handed_on(node.operation, args[0]):
            args = (before(args[0], index=None),)
        x = self._copy_of(node.operation)(*args, **kwargs)
        if before is not None and (mode := rounding_mode(node.operation)):
            x = before(x, rounding_mode=mode)
        if isinstance(node.operation, PASS_THROUGH) and before is not None:
            self.rounders.update((id(y), before) for y in keras.tree.flatten(x))
        how = self.rounded[id(node)]
        if how is None:
            return x
        first, tensors = self.shared.get(id(node), (node, 1))
        if id(first) not in self.ranges:
            name = f"{first.operation.name}_quant"
            self.names[name] += 1  # a shared layer has a range for each of its calls
            name += f"_{self.names[name]}" if self.names[name] > 1 else ""
            fixed = None if how in (WATCHED, ABSORBED) else how
            self.ranges[id(first)] = FakeQuant(fixed, tensors=tensors, name=name)
        index = None if how == ABSORBED else self.filled[id(first)]
        self.filled[id(first)] += how != ABSORBED
        return self._rounded(x, self.ranges[id(first)], index=index)

    def _rounded(self, x, rounder, index: int | None = 0):
        x = rounder(x, index=index)
        self.rounders[id(x)] = rounder
        return x

    def _copy_of(self, layer):
        if id(layer) not in self.copies:
            excluded = is_excluded(layer, self.exclude)
            self.copies[id(layer)] = layer, _quantized_copy(layer, self.per_channel, excluded)
        return self.copies[id(layer)][1]


def _quantized_copy(layer, per_channel, excluded):
    """A copy of a layer that rounds its kernel, where it has one, or knows that it does not."""
    config = layer.get_config()
    for base, quantized in QUANTIZED.items():
        if type(layer) is base:
            scales = {"per_channel": per_channel and base in PER_CHANNEL}
            return quantized(**config, **scales, rounds=not excluded)
    if not excluded:
        refuse_unknown(layer)
        if special := quantized_activation(layer):
            return special
    if type(layer) is layers.BatchNormalization:
        return FoldedBatchNormalization(**config)
    return _copy(layer)


def _copy(layer):
    """Another of the same; an operation of Keras, which has nothing to learn, as it is."""
    return type(layer).from_config(layer.get_config()) if hasattr(layer, "weights") else layer


def rounding_mode(layer: keras.Operation) -> str | None:
    """How the kernel of a layer that averages integers rounds; None for other layers."""
    if isinstance(layer, layers.AveragePooling2D):
        return "half_away"
    bilinear = isinstance(layer, layers.Resizing) and layer.interpolation == "bilinear"
    return "half_up" if bilinear else None


def averages_what_is_handed_on(layer: keras.Operation, x: keras.KerasTensor) -> bool:
    """Whether the converter must be told the range of what goes into a layer.

    It knows that a pooling, or a padding, gives out the range that it takes; but where an average
    and others take that, it makes the others float.
    """
    return isinstance(layer, layers.AveragePooling2D) and not isinstance(producer(x), FakeQuant)


def _refuse_unmatched(exclude, model):
    if not exclude:
        return
    names = [node.operation.name for node in nodes(canonical(model))]
    for pattern in exclude:
        if not fnmatch.filter(names, pattern):
            raise UserError(f"exclude: no layer of {model.name} is called {pattern!r}")


def calibrate(model: keras.Model, batches: Iterable[Any]) -> None:
    """Sets every watched range to the extremes that it meets, with none of them rounding.

    Args:
        model: what `quantized_model` gave.
        batches: inputs of the model, batch by batch, in its own structure.
    """
    watched, taps = _extremes(model)
    found = {}
    for images in portions(taps, batches):
        with quiet_tensorflow():
            ends = keras.tree.flatten(taps.predict_on_batch(images))
        for key, low, high in zip(watched, ends[::2], ends[1::2], strict=True):
            before = found.get(key, (0.0, 0.0))  # padding needs zero in every range
            found[key] = min(before[0], float(low)), max(before[1], float(high))
    for rounder in {rounder for rounder, _ in watched}:
        rounder.set_ranges([found[rounder, i] for i in range(rounder.tensors)])


def _extremes(model):
    """Which tensors are watched, and a model of the extremes of each if none rounds.

    Returns:
        ([(rounder, index of a tensor), ...], a model with the least and the largest value of each)
    """
    watched, ends, inputs = [], [], new_inputs(model)

    def call(node, *args, **kwargs):
        rounder = node.operation
        if not isinstance(rounder, FakeQuant):
            return rounder(*args, **kwargs)
        if rounder.watches(**{"index": 0, **kwargs}):
            watched.append((rounder, kwargs.get("index", 0)))
            x = ops.cast(args[0], "float32")
            ends.extend([ops.min(x), ops.max(x)])
            return args[0]
        rounds = rounder.fixed is not None and not kwargs.get("rounding_mode")
        return rounder(*args, **kwargs) if rounds else args[0]

    walk(model, inputs, call)
    return watched, keras.Model(keras.tree.flatten(inputs), ends)

"""A network in operations that int8 has kernels for: what has none is written in those that have.

A kernel of TFLite computes a convolution with a bias and an activation behind it; a batch
normalization or a rescaling that follows no convolution belongs to none. Written as a 1x1 depthwise
convolution, it does.
"""

import itertools
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

import keras
import numpy as np
from keras import layers

from kerascnn.models.graph import Node, canonical, new_inputs, walk

from .absorbed_scalings import absorbed_scalings, scaled
from .activations import activation_form
from .affine import scale_and_offset, tensor_and_constant
from .channel_selection import select_by_convolutions
from .composites import as_plain_layers
from .constant_layers import absorbed, affine
from .graph import Graph
from .names import operation_names
from .normal_forms import RULES
from .operations import (
    FIXED_RANGES,
    PASS_THROUGH,
    TRAINING_ONLY,
    activation_name,
    is_excluded,
    saturation,
)
from .sequences import sequences_as_images

FOLDED_INTO = (layers.Conv2D, layers.DepthwiseConv2D)  # by TFLite's converter
FOLDED_INTO_TOO = (layers.Conv2DTranspose, layers.Dense)  # by `folded_normalization`


def integer_form(
    model: keras.Model,
    *,
    exclude: Sequence[str] = (),
    folds_itself: bool = False,
    pixels: Sequence[bool] | None = None,
) -> keras.Model:
    """Rewrites a model, without changing what it computes, for int8.

        batch normalization that follows no convolution   behind a 1x1 depthwise one of ones
        x + c, x * c, Rescaling, Normalization            a part of the kernel in front, or a 1x1
                                                          depthwise convolution
        separable convolution, and others of two kernels  convolutions: see `as_plain_layers`
        stochastic depth, the mean of a fractal join      what they are at inference, a part of the
                                                          normalization in front where that can be
        a sum or product of more than two                 of two at a time
        activations that have no table                    those that have: see `activation_form`
        UpSampling2D                                      Resizing
        channels reversed, reordered or sliced            a 1x1 convolution of ones and zeros
        layers of sequences                               those of images one pixel high
        an input of pixels that no Rescaling follows      one with scale 1: the pixels themselves
        the Rescaling of an input of pixels               one that makes 0 of a whole pixel

    Args:
        model: functional or sequential.
        exclude: shell patterns of the names of layers that stay as they are.
        folds_itself: the file will be written with `folded_normalization.folded`, which can fold
            more than TFLite's converter: into dense layers, transposed and shared convolutions.
        pixels: for each input whether it takes raw pixels, 0..255; all do by default. Of pixels
            the integers are known, any other input is rounded by its range.

    Returns:
        A `keras.Model` with the same inputs, outputs and layer names, except for what is above.
        The depthwise convolutions that were put in are not trainable.

    Raises:
        UserError: a constant, or a normalization alone, on what is neither image nor vector.
    """
    flat = canonical(model)
    names, inlined = flat.output_names, flat.inlined
    without_constant, factors = absorbed_scalings(flat)
    for layer in flat.layers:
        if layer.name in factors:
            layer.set_weights(scaled(layer, layer.get_weights(), factors[layer.name]))
    flat = select_by_convolutions(flat, exclude=exclude)
    flat = as_plain_layers(sequences_as_images(flat))
    pixels = tuple(pixels) if pixels is not None else (True,) * len(flat.inputs)
    rewritten = Rewriter(flat, exclude, folds_itself, pixels, without_constant).rewritten()
    rewritten.output_names, rewritten.inlined = names, inlined
    return rewritten


class Rewriter:
    """Calls the operations of a canonical model on new tensors, each by its rule in `RULES`."""

    def __init__(
        self,
        flat: keras.Model,
        exclude: Sequence[str],
        folds_itself: bool,
        pixels: Sequence[bool],
        without_constant: Collection[str],
    ) -> None:
        self.flat, self.graph = flat, Graph(flat)
        self.exclude, self.folds_itself = exclude, folds_itself
        self.without_constant = without_constant
        self.pixels = {id(x) for x, takes in zip(flat.inputs, pixels, strict=True) if takes}
        for node in self.graph.nodes:
            if (
                isinstance(node.operation, TRAINING_ONLY)
                and id(node.input_tensors[0]) in self.pixels
            ):
                self.pixels.add(id(node.outputs[0]))
        self.integers_known = self.graph.inputs | {
            id(node.outputs[0])
            for node in self.graph.nodes
            if isinstance(node.operation, layers.Rescaling)
            and id(node.input_tensors[0]) in self.pixels
        }
        self.normalizations = {}  # copies by the id of their layer, which may be shared
        self.numbers = itertools.count(1)  # of identities
        self.called = Counter()

    def rewritten(self) -> keras.Model:
        """The model in its integer form."""
        images = new_inputs(self.flat)
        names = operation_names(x.name for x in self.flat.inputs)
        ends = [
            self._as_pixels(old, image, name)
            for old, image, name in zip(
                self.flat.inputs, keras.tree.flatten(images), names, strict=True
            )
        ]
        return keras.Model(images, walk(self.flat, ends, self._call), name=self.flat.name)

    def _as_pixels(self, old, image, name):
        if id(old) not in self.pixels or self._is_normalized(old):
            return image
        return layers.Rescaling(1.0, name=f"{name}_pixels")(image)

    def _is_normalized(self, x):
        """Whether whatever takes the pixels x, behind augmentation, begins by normalizing them."""
        return all(
            self._is_normalized(node.outputs[0])
            if isinstance(node.operation, TRAINING_ONLY)
            else self._normalizes_pixels(node)
            for node in self.graph.consumers.get(id(x), ())
        )

    def _call(self, node, *args, **kwargs):
        layer = node.operation
        self.called[layer.name] += 1  # layers may be shared; those that are put in are not
        count = self.called[layer.name]
        name = layer.name if count == 1 else f"{layer.name}_call{count}"
        if self._normalizes_pixels(node):
            scale = np.asarray(layer.scale).item()
            return layers.Rescaling(scale, -zero_pixel(layer) * scale, name=layer.name)(args[0])
        constants = absorbed if self.folds(node) else affine
        x, constant, first = tensor_and_constant(args, keras.KerasTensor)
        if linear := scale_and_offset(layer, constant, tensor_first=first):
            scale, offset = linear
            return constants(args[0] if x is None else x, scale, offset, name)
        needed = layer.name in self.without_constant or isinstance(layer, layers.BatchNormalization)
        if is_excluded(layer, self.exclude) and not needed:
            return layer(*args, **kwargs)
        rule = next((RULES[kind] for kind in type(layer).__mro__ if kind in RULES), None)
        outputs = rule(self, node, args[0], name) if rule else None
        if outputs is None and len(args) == 1:
            alone = self._alone_behind(
                (*FOLDED_INTO, *FOLDED_INTO_TOO, layers.BatchNormalization), node
            )
            outputs = activation_form(layer, args[0], name, first=constants, alone=alone)
        return layer(*args, **kwargs) if outputs is None else outputs

    def folds(self, node: Node) -> bool:
        """Whether the kernel of the layer in front absorbs a batch normalization."""
        kinds = (*FOLDED_INTO, *(FOLDED_INTO_TOO if self.folds_itself else ()))
        return self._alone_behind(kinds, node)

    def free(self, x: Any, node: Node) -> bool:
        """Whether x can have the scale of what a node, which joins tensors, gives."""
        producers = self.graph.producers
        while id(x) in producers and isinstance(producers[id(x)].operation, PASS_THROUGH):
            x = producers[id(x)].input_tensors[0]
        if id(x) in self.integers_known or isinstance(node.operation, layers.Concatenate):
            return id(x) not in self.integers_known
        operation = producers[id(x)].operation
        return not saturation(operation) and activation_name(operation) not in FIXED_RANGES

    def _normalizes_pixels(self, node):
        """By one scale and one offset, which the quantization of the input can express."""
        layer = node.operation
        source = id(node.input_tensors[0]) if node.input_tensors else None
        return (
            isinstance(layer, layers.Rescaling)
            and source in self.pixels
            and np.size(layer.scale) == np.size(layer.offset) == 1
            and np.asarray(layer.scale).item() > 0
            and 0 <= zero_pixel(layer) <= 255
            and all(consumer.operation is layer for consumer in self.graph.consumers[source])
        )

    def _alone_behind(self, kinds, node):
        """Whether a node takes what a layer of `kinds` gives, and nothing else does."""
        if not node.input_tensors:
            return False
        producer = self.graph.producer(node.input_tensors[0], TRAINING_ONLY)
        if producer is None or not isinstance(producer.operation, kinds):
            return False
        sources = [call.outputs[0] for call in self.graph.calls[id(producer.operation)]]
        consumers = [self.graph.only_consumer(x, TRAINING_ONLY) for x in sources]
        return (len(sources) == 1 or self.folds_itself) and all(
            consumer is not None and consumer.operation is node.operation for consumer in consumers
        )


def zero_pixel(rescaling: layers.Rescaling) -> int:
    """The pixel that a Rescaling makes 0 of, or the nearest: of 127.5, which is none, 128."""
    scale, offset = (np.asarray(v).item() for v in (rescaling.scale, rescaling.offset))
    return int(np.rint(-offset / scale))

"""Receptive fields: which pixels of the image a unit sees, counted through the graph.

Along one axis, position i of a tensor sees no pixel outside first + i * stride ... last + i *
stride. A layer whose output o reads its inputs from low + o * step to high + o * step turns that
into

    first + stride * low,   last + stride * high,   stride * step

and where branches meet, the interval is the union of theirs. Convolution and pooling read from
-before to (kernel - 1) * dilation - before, with step = strides; a transposed convolution, whose
input i writes to i * strides - cropped + (0 ... kernel - 1), is read backwards.

Source: Araujo, Norris & Sim, "Computing Receptive Fields of Convolutional Neural Networks",
Distill 2019.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import keras
from keras import layers

from kerascnn.analysis import kinds
from kerascnn.analysis.graph import Graph, Tensor
from kerascnn.layers import (
    DepthToSpace,
    FractalColumn,
    PartiallyConnectedConv2D,
    TrainableSubsampling2D,
)


@dataclass(frozen=True)
class ReceptiveField:
    """What the units of a tensor see of the image, along one axis.

    Position i sees at most `size` pixels, the first of them at offset + i * stride; the offset is
    negative where that lies in the padding, and the size may exceed that of the image. Behind a
    layer that enlarges, stride and offset may be fractions: the first pixel is then not before
    that point.
    """

    size: int
    stride: int | Fraction
    offset: int | Fraction


@dataclass(frozen=True)
class _Span:
    first: Fraction
    last: Fraction
    stride: Fraction

    def through(self, low: Fraction, high: Fraction, step: Fraction) -> "_Span":
        return _Span(
            self.first + self.stride * low, self.last + self.stride * high, self.stride * step
        )

    def public(self) -> ReceptiveField:
        size = (self.last - self.first) // 1 + 1
        stride, offset = (
            x.numerator if x.denominator == 1 else x for x in (self.stride, self.first)
        )
        return ReceptiveField(size, stride, offset)


def receptive_fields(graph: Graph) -> dict[Tensor, tuple[ReceptiveField, ...] | None]:
    """Returns a dict from each `Tensor` of the graph to its receptive fields, one for each axis.

    None for what lies behind a layer that sees the whole image (global pooling, Flatten), or one
    whose reach is not known here (attention, a layer of one's own).
    """
    spans = {}
    for call in graph.calls:
        for tensor, result in zip(call.outputs, _call_spans(call, spans), strict=True):
            spans[tensor] = result
    return {
        tensor: tuple(x.public() for x in span) if span else None for tensor, span in spans.items()
    }


def _call_spans(call, spans):
    if call.is_input:
        axes = len(call.outputs[0].shape) - 2
        return [tuple(_Span(Fraction(0), Fraction(0), Fraction(1)) for _ in range(axes))]
    # A tensor without the image in it, as the column that a fractal network draws, reaches nothing.
    if isinstance(call.operation, FractalColumn):
        return [()]
    inputs = [spans[x] for x in _read(call) if spans[x] != ()]
    result = _union(inputs)
    if result is not None:
        reach = _reach(call, len(result))
        result = reach and tuple(x.through(*r) for x, r in zip(result, reach, strict=True))
    return [result] * len(call.outputs)


def _read(call):
    """The inputs whose numbers count: a second one of a transposed convolution gives its size."""
    return call.inputs[:1] if isinstance(call.operation, kinds.EXACT_TRANSPOSED) else call.inputs


def _union(branches):
    """Joins the spans of several inputs; None where one has none, or their strides differ."""
    if not branches or any(x is None for x in branches):
        return None
    if len({tuple(x.stride for x in branch) for branch in branches}) > 1:
        return None
    return tuple(
        _Span(min(x.first for x in axis), max(x.last for x in axis), axis[0].stride)
        for axis in zip(*branches, strict=True)
    )


def _reach(call, axes) -> Any:
    """(low, high, step) for each of the spatial axes, or None; see the file's head."""
    layer, sizes = call.operation, _spatial(call, axes)
    dilation = getattr(layer, "dilation_rate", (1,) * axes)
    if isinstance(layer, kinds.SLIDING):
        windows = zip(sizes, layer.kernel_size, layer.strides, dilation, strict=True)
        return [_window(layer.padding, *window) for window in windows]
    if isinstance(layer, PartiallyConnectedConv2D):
        return [
            _window("valid", size, k, 1, 1)
            for size, k in zip(sizes, layer.kernel_size, strict=True)
        ]
    if isinstance(layer, TrainableSubsampling2D):
        return [_window("valid", size, layer.pool_size, layer.pool_size, 1) for size in sizes]
    if isinstance(layer, kinds.POOLING):
        padding = getattr(layer, "padding", "valid")
        windows = zip(sizes, layer.pool_size, layer.strides, strict=True)
        return [_window(padding, *window, 1) for window in windows]
    if isinstance(layer, (*kinds.TRANSPOSED, *kinds.EXACT_TRANSPOSED)):
        outputs = _spatial(call, axes, outputs=True)
        windows = zip(sizes, outputs, layer.kernel_size, layer.strides, dilation, strict=True)
        return [_transposed(layer.padding, *window) for window in windows]
    if isinstance(layer, kinds.PADDING):
        return [(-before, -before, 1) for before in _before(layer.padding)]
    if isinstance(layer, kinds.CROPPING):
        return [(before, before, 1) for before in _before(layer.cropping)]
    if isinstance(layer, kinds.UPSAMPLING):
        factors = layer.size if isinstance(layer.size, tuple) else (layer.size,)
        return _upsampling(getattr(layer, "interpolation", "nearest"), factors)
    if isinstance(layer, DepthToSpace):  # a block of pixels is the channels of one
        return _upsampling("nearest", (layer.scale,) * axes)
    return [(0, 0, 1)] * axes if _keeps_positions(call) else None


def _window(padding, size, kernel, stride, dilation):
    reach = (kernel - 1) * dilation
    before = 0
    if padding == "causal":
        before = reach
    elif padding == "same":
        # Where the size is open, it is taken for a multiple of the stride.
        steps = -(-size // stride) if size else 0
        needed = (steps - 1) * stride + reach + 1 - size if size else reach + 1 - stride
        before = max(needed, 0) // 2
    return -before, reach - before, stride


def _transposed(padding, size, output, kernel, stride, dilation):
    reach = (kernel - 1) * dilation
    cropped = 0
    if padding == "same":
        # The gradient of a "same" convolution on `output` pixels, and cropped as that one pads.
        known = size and output
        excess = (size - 1) * stride + reach + 1 - output if known else reach + 1 - stride
        cropped = max(excess, 0) // 2
    return Fraction(cropped - reach, stride), Fraction(cropped, stride), Fraction(1, stride)


def _upsampling(interpolation, factors):
    if interpolation == "nearest":  # output o copies input floor(o / f)
        return [(Fraction(1 - f, f), Fraction(0), Fraction(1, f)) for f in factors]
    if interpolation == "bilinear":  # o lies at (o + 1/2) / f - 1/2, between two inputs
        return [
            (
                Fraction(1 - f, 2 * f) - 1 + Fraction(1, 2 * f),
                Fraction(1 - f, 2 * f) + 1 - Fraction(1, 2 * f),
                Fraction(1, f),
            )
            for f in factors
        ]
    return None


def _keeps_positions(call):
    """Whether output (y, x) depends on the inputs at (y, x) alone."""
    layer = call.operation
    if isinstance(layer, layers.Concatenate):
        rank = len(call.outputs[0].shape)
        return layer.axis % rank == (rank - 1 if _channels_last(layer) else 1)
    if isinstance(layer, (layers.Flatten, layers.Reshape)):
        return False
    if isinstance(layer, layers.Layer):
        known = (*kinds.VIEWS, *kinds.ELEMENTWISE, *kinds.CHANNELWISE, *kinds.MERGING)
        return isinstance(layer, known)
    return type(layer).__name__ in kinds.ELEMENTWISE_OPS


def _spatial(call, axes, *, outputs=False):
    shape = (call.outputs if outputs else call.inputs)[0].shape
    return shape[1 : 1 + axes] if _channels_last(call.operation) else shape[2 : 2 + axes]


def _channels_last(layer):
    return getattr(layer, "data_format", keras.config.image_data_format()) == "channels_last"


def _before(pairs):
    """The first of each (before, after); a 1D layer has one pair, without a tuple around it."""
    return [x[0] for x in pairs] if isinstance(pairs[0], tuple) else [pairs[0]]

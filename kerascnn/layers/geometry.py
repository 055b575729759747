"""Where the windows of a convolution or of a pooling lie: the arithmetic the layers share."""

from collections.abc import Sequence
from typing import Any

from keras import KerasTensor, ops

Shape = tuple[Any, ...]  # integers, the batch in front; None for a size that is left open
PerAxis = int | Sequence[int]  # one number for every axis, or one for each


def per_axis(value: PerAxis, rank: int) -> tuple[int, ...]:
    """Returns `value` as a tuple of `rank` integers; an integer stands for every axis."""
    value = (value,) * rank if isinstance(value, int) else tuple(value)
    if len(value) != rank or any(v < 1 for v in value):
        raise ValueError(f"expected a positive integer or {rank} of them, got {value}")
    return value


def window_count(
    size: int | None, window: int, stride: int, padding: str, dilation: int = 1
) -> int | None:
    """How many windows there are along an axis of `size`; None where that is not known.

    "valid": floor((size - span) / stride) + 1, span = (window - 1) dilation + 1.
    "same": ceil(size / stride).
    """
    if size is None:
        return None
    if padding == "same":
        return -(-size // stride)
    span = (window - 1) * dilation + 1
    if size < span:
        raise ValueError(f'padding "valid": expected a size of at least {span}, got {size}')
    return (size - span) // stride + 1


def same_padding(size: int, window: int, stride: int, dilation: int = 1) -> tuple[int, int]:
    """Zeros (before, after) of padding "same": as many after as before, or one more.

    `size` is an integer or, inside a traced graph, a scalar tensor; so are the results.
    """
    span = (window - 1) * dilation + 1
    if stride == 1:
        total = span - 1
    else:
        total = (-(-size // stride) - 1) * stride + span - size
        total = max(total, 0) if isinstance(size, int) else ops.maximum(total, 0)
    return total // 2, total - total // 2


def check_padding(padding: str) -> str:
    """Returns `padding` in lower case; ValueError unless it is "valid" or "same"."""
    if str(padding).lower() not in ("valid", "same"):
        raise ValueError(f'padding: expected "valid" or "same", got {padding!r}')
    return padding.lower()


def image_shape(shape: Sequence[Any], rank: int) -> tuple[tuple[Any, ...], int]:
    """(spatial sizes, channels) of an input shape, with or without the batch in front."""
    if len(shape) not in (rank + 1, rank + 2):
        raise ValueError(f"expected a shape of {rank} spatial axes and channels, got {shape}")
    return tuple(shape[-rank - 1 : -1]), shape[-1]


def windows(
    x: KerasTensor,
    window: tuple[int, ...],
    strides: tuple[int, ...],
    padding: str,
    fill: float = 0.0,
) -> list[KerasTensor]:
    """Returns, for each place in the window, row by row, what all windows have there.

    x: (batch, *sizes, C) with sizes known; each result: (batch, *counts, C). `fill` stands
    beyond the edges.
    """
    sizes, _ = image_shape(x.shape, len(window))
    if padding == "same":
        pads = list(map(same_padding, sizes, window, strides))
        if any(map(sum, pads)):
            x = ops.pad(x, [(0, 0), *pads, (0, 0)], constant_values=fill)
    counts = [window_count(*axis, padding) for axis in zip(sizes, window, strides, strict=True)]
    parts = [x]
    for axis, (k, s, n) in enumerate(zip(window, strides, counts, strict=True)):
        skip = (slice(None),) * (axis + 1)
        parts = [p[(*skip, slice(i, i + (n - 1) * s + 1, s))] for p in parts for i in range(k)]
    return parts

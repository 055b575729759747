"""Equalized channels for anybody's model: `export.equalize`."""

from collections.abc import Sequence
from typing import Any

import keras

from kerascnn.models.graph import like, output_names, traced

from ..subject.meaning import asked_pixels
from ..subject.samples import in_batches, samples_of
from . import equalization

SAMPLES = 512


def equalize(
    model: keras.Model,
    data: Any,
    *,
    per_channel: bool = True,
    exclude: Sequence[str] = (),
    pixels: bool | Sequence[bool] | None = None,
    samples: int = SAMPLES,
) -> keras.Model:
    """A float copy of a model whose channels have like ranges, so that int8 loses less.

    It computes what the model computes. `export.quantize(..., equalized=True)` does this by itself.

    Args:
        model: functional, sequential, or a class of its own that is made of Keras operations.
        data: to measure ranges on; see `samples_of`.
        per_channel, exclude, pixels, samples: as for `export.quantize`, which the copy is meant
            for.

    Returns:
        A `keras.Model`, flat, in the operations of int8.
    """
    model = traced(model)
    found = samples_of(model, data, samples)
    pixels = asked_pixels(model, pixels, found)
    equalized = equalization.equalize(
        model, in_batches(found), per_channel=per_channel, exclude=exclude, pixels=pixels
    ).model
    equalized.output_names = output_names(model)
    return like(model, equalized)

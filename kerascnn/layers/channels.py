"""Channels cut and added: ShuffleNet v2's split, and ResNet's shortcuts without weights."""

from typing import Any

import keras
from keras import KerasTensor, layers, ops

from kerascnn.layers.geometry import Shape


@keras.saving.register_keras_serializable(package="kerascnn")
class ChannelSplit(layers.Layer):
    """Cuts the channels into `sections` equal parts, in order.

    Shapes: (..., C) -> a list of `sections` times (..., C / sections).

    Args:
        sections: divides the number of channels.

    Source: Ma, Zhang, Zheng & Sun, "ShuffleNet V2", arXiv:1807.11164, section 3.2.
    """

    def __init__(self, sections: int = 2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.sections = sections

    def call(self, inputs: KerasTensor) -> list[KerasTensor]:
        self._part(inputs.shape)
        return ops.split(inputs, self.sections, axis=-1)

    def compute_output_shape(self, input_shape: Shape) -> list[Shape]:
        return [(*input_shape[:-1], self._part(input_shape))] * self.sections

    def _part(self, shape):
        if self.sections < 1 or shape[-1] % self.sections:
            raise ValueError(
                f"sections: expected a divisor of the {shape[-1]} channels, got {self.sections}"
            )
        return shape[-1] // self.sections

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"sections": self.sections}


@keras.saving.register_keras_serializable(package="kerascnn")
class ChannelZeroPadding(layers.Layer):
    """Appends channels of zeros until there are `filters`.

    Shapes: (..., C) -> (..., filters), C <= filters.

    Args:
        filters: number of channels that come out.

    Source: He, Zhang, Ren & Sun, arXiv:1512.03385, section 3.3, option A.
    """

    def __init__(self, filters: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.filters = filters

    def call(self, inputs: KerasTensor) -> KerasTensor:
        missing = self._missing(inputs.shape)
        return ops.pad(inputs, [(0, 0)] * (len(inputs.shape) - 1) + [(0, missing)])

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        self._missing(input_shape)
        return (*input_shape[:-1], self.filters)

    def _missing(self, shape):
        if shape[-1] > self.filters:
            raise ValueError(
                f"filters: expected at least the input's {shape[-1]} channels, got {self.filters}"
            )
        return self.filters - shape[-1]

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"filters": self.filters}


def identity_shortcut(x: KerasTensor, filters: int, strides: int, *, name: str) -> KerasTensor:
    """Every `strides`-th pixel, then channels of zeros: option A, a shortcut without weights.

    (H, W, C) -> (ceil(H / strides), ceil(W / strides), filters), in `{name}_pool` and
    `{name}_pad`; x itself where nothing changes.
    """
    if strides != 1:
        x = layers.MaxPooling2D(1, strides, name=f"{name}_pool")(x)
    if x.shape[-1] != filters:
        x = ChannelZeroPadding(filters, name=f"{name}_pad")(x)
    return x

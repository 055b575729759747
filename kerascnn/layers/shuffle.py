"""Channels in groups: the shuffle that lets them mix."""

from typing import Any

import keras
from keras import KerasTensor, ops

from kerascnn.layers.convolution import conv_bn
from kerascnn.layers.geometry import PerAxis, Shape


@keras.saving.register_keras_serializable(package="kerascnn")
class ChannelShuffle(keras.layers.Layer):
    """Deals the channels of `groups` groups out like cards: one of each group in turn.

        y[..., i * groups + g] = x[..., g * (C / groups) + i]

    Shapes: (..., C) -> the same.

    Args:
        groups: divides the number of channels.

    Source: Zhang, Zhou, Lin & Sun, "ShuffleNet", arXiv:1707.01083, section 3.1.
    """

    def __init__(self, groups: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.groups = groups

    def call(self, inputs: KerasTensor) -> KerasTensor:
        each = self._channels_per_group(inputs.shape)
        # Three axes are enough, and mobile GPUs transpose no more than four.
        x = ops.reshape(inputs, (-1, self.groups, each))
        x = ops.transpose(x, (0, 2, 1))
        return ops.reshape(x, (-1, *ops.shape(inputs)[1:]))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        self._channels_per_group(input_shape)
        return tuple(input_shape)

    def _channels_per_group(self, shape):
        if self.groups < 1 or shape[-1] % self.groups:
            raise ValueError(
                f"groups: expected a divisor of the {shape[-1]} channels, got {self.groups}"
            )
        return shape[-1] // self.groups

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"groups": self.groups}


def grouped_conv_shuffle(
    x: KerasTensor,
    filters: int,
    kernel_size: PerAxis,
    strides: PerAxis = 1,
    *,
    groups: int,
    act: str | None = "relu",
    name: str,
) -> KerasTensor:
    """Grouped convolution, normalization, activation, shuffle.  (H, W, C) -> (H/s, W/s, filters).

    Each filter sees C / groups channels; the shuffle lets the next grouped convolution see all
    groups. Layers as of `conv_bn`, then `{name}_shuffle`. With one group there is no shuffle.

    Source: Zhang, Zhou, Lin & Sun, "ShuffleNet", arXiv:1707.01083, section 3.1.
    """
    x = conv_bn(x, filters, kernel_size, strides, groups=groups, act=act, name=name)
    return ChannelShuffle(groups, name=f"{name}_shuffle")(x) if groups > 1 else x

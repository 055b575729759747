"""What owns weights, or is shared by two families. Imports keras only."""

from kerascnn.layers.channels import ChannelSplit, ChannelZeroPadding, identity_shortcut
from kerascnn.layers.convolution import (
    activation,
    batch_norm,
    bn_conv,
    conv,
    conv_bn,
    depthwise_conv,
    depthwise_conv_bn,
)
from kerascnn.layers.normalization import LocalResponseNormalization
from kerascnn.layers.pooling import CeilMaxPooling2D, ceil_max_pool, padded_max_pool
from kerascnn.layers.regularization import FractalColumn, FractalJoin, StochasticDepth
from kerascnn.layers.shuffle import ChannelShuffle
from kerascnn.layers.squeeze_excite import squeeze_and_excitation

__all__ = [
    "activation", "batch_norm", "bn_conv", "conv", "conv_bn", "depthwise_conv",
    "depthwise_conv_bn",
    "CeilMaxPooling2D", "ceil_max_pool", "padded_max_pool",
    "LocalResponseNormalization",
    "FractalColumn", "FractalJoin", "StochasticDepth",
    "ChannelShuffle", "ChannelSplit", "ChannelZeroPadding", "identity_shortcut",
    "squeeze_and_excitation",
]  # fmt: skip

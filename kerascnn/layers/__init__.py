"""What owns weights, or is shared by two families. Imports keras only."""

from kerascnn.layers.convolution import activation, conv, conv_bn
from kerascnn.layers.deformable import DeformableConv2D
from kerascnn.layers.dilated import dilated_stack
from kerascnn.layers.locally_connected import UnsharedConv1D, UnsharedConv2D
from kerascnn.layers.normalization import LocalResponseNormalization
from kerascnn.layers.pooling import CeilMaxPooling2D, ceil_max_pool
from kerascnn.layers.pyramid_pooling import SpatialPyramidPooling2D
from kerascnn.layers.regularization import FractalColumn, FractalJoin, StochasticDepth
from kerascnn.layers.separable import SpatiallySeparableConv2D
from kerascnn.layers.shuffle import ChannelShuffle, grouped_conv_shuffle
from kerascnn.layers.squeeze_excite import squeeze_and_excitation
from kerascnn.layers.sub_pixel import DepthToSpace, sub_pixel_conv
from kerascnn.layers.transposed import (
    ExactConv1DTranspose,
    ExactConv2DTranspose,
    ExactConv3DTranspose,
)
from kerascnn.layers.unpooling import MaxPoolingWithIndices2D, MaxUnpooling2D, NearestUnpooling2D

__all__ = [
    "activation", "conv", "conv_bn",
    "UnsharedConv1D", "UnsharedConv2D", "SpatiallySeparableConv2D", "DeformableConv2D",
    "ExactConv1DTranspose", "ExactConv2DTranspose", "ExactConv3DTranspose",
    "dilated_stack", "grouped_conv_shuffle", "sub_pixel_conv", "squeeze_and_excitation",
    "ChannelShuffle", "DepthToSpace",
    "CeilMaxPooling2D", "ceil_max_pool", "MaxPoolingWithIndices2D", "SpatialPyramidPooling2D",
    "MaxUnpooling2D", "NearestUnpooling2D",
    "LocalResponseNormalization", "FractalColumn", "FractalJoin", "StochasticDepth",
]  # fmt: skip

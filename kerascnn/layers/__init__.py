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
from kerascnn.layers.deformable import DeformableConv2D
from kerascnn.layers.dilated import dilated_stack
from kerascnn.layers.filter_bank import FilterBank
from kerascnn.layers.head import dense_head
from kerascnn.layers.lenet import (
    PartiallyConnectedConv2D,
    RadialBasisOutput,
    TrainableSubsampling2D,
    scaled_tanh,
)
from kerascnn.layers.locally_connected import UnsharedConv1D, UnsharedConv2D
from kerascnn.layers.normalization import LocalResponseNormalization
from kerascnn.layers.pooling import (
    CeilMaxPooling2D,
    ceil_max_pool,
    centered_max_pool,
    padded_average_pool,
    padded_max_pool,
)
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
    "activation",
    "batch_norm",
    "bn_conv",
    "conv",
    "conv_bn",
    "depthwise_conv",
    "depthwise_conv_bn",
    "FilterBank",
    "UnsharedConv1D",
    "UnsharedConv2D",
    "SpatiallySeparableConv2D",
    "DeformableConv2D",
    "ExactConv1DTranspose",
    "ExactConv2DTranspose",
    "ExactConv3DTranspose",
    "dilated_stack",
    "grouped_conv_shuffle",
    "sub_pixel_conv",
    "squeeze_and_excitation",
    "dense_head",
    "PartiallyConnectedConv2D",
    "RadialBasisOutput",
    "TrainableSubsampling2D",
    "scaled_tanh",
    "ChannelShuffle",
    "ChannelSplit",
    "ChannelZeroPadding",
    "DepthToSpace",
    "identity_shortcut",
    "CeilMaxPooling2D",
    "ceil_max_pool",
    "centered_max_pool",
    "padded_average_pool",
    "padded_max_pool",
    "MaxPoolingWithIndices2D",
    "SpatialPyramidPooling2D",
    "MaxUnpooling2D",
    "NearestUnpooling2D",
    "LocalResponseNormalization",
    "FractalColumn",
    "FractalJoin",
    "StochasticDepth",
]

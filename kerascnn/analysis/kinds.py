"""Kinds of layers that the analyses treat alike."""

from keras import layers

from kerascnn.layers import (
    CeilMaxPooling2D,
    ChannelShuffle,
    ChannelSplit,
    ChannelZeroPadding,
    ExactConv1DTranspose,
    ExactConv2DTranspose,
    ExactConv3DTranspose,
    FractalJoin,
    LocalResponseNormalization,
    MaxPoolingWithIndices2D,
    NearestUnpooling2D,
    SpatiallySeparableConv2D,
    StochasticDepth,
    UnsharedConv1D,
    UnsharedConv2D,
)

# fmt: off
CONVOLUTIONS = (layers.Conv1D, layers.Conv2D, layers.Conv3D)
DEPTHWISE    = (layers.DepthwiseConv1D, layers.DepthwiseConv2D)
SEPARABLE    = (layers.SeparableConv1D, layers.SeparableConv2D)
# One kernel_size, strides and padding, whatever happens between the taps.
SLIDING      = (*CONVOLUTIONS, *DEPTHWISE, *SEPARABLE, UnsharedConv1D, UnsharedConv2D,
                SpatiallySeparableConv2D)
TRANSPOSED   = (layers.Conv1DTranspose, layers.Conv2DTranspose, layers.Conv3DTranspose)
EXACT_TRANSPOSED = (ExactConv1DTranspose, ExactConv2DTranspose, ExactConv3DTranspose)
POOLING      = (layers.MaxPooling1D, layers.MaxPooling2D, layers.MaxPooling3D,
                layers.AveragePooling1D, layers.AveragePooling2D, layers.AveragePooling3D,
                CeilMaxPooling2D, MaxPoolingWithIndices2D)
PADDING      = (layers.ZeroPadding1D, layers.ZeroPadding2D, layers.ZeroPadding3D)
CROPPING     = (layers.Cropping1D, layers.Cropping2D, layers.Cropping3D)
UPSAMPLING   = (layers.UpSampling1D, layers.UpSampling2D, layers.UpSampling3D,
                NearestUnpooling2D)
MERGING      = (layers.Add, layers.Subtract, layers.Multiply, layers.Average, layers.Maximum,
                layers.Minimum)

# Another name for the same numbers, at inference.
VIEWS        = (layers.Flatten, layers.Reshape, layers.Identity, layers.ActivityRegularization,
                layers.Dropout, layers.SpatialDropout1D, layers.SpatialDropout2D,
                layers.SpatialDropout3D, layers.AlphaDropout, layers.GaussianDropout,
                layers.GaussianNoise)
# One number in, one number out, in the same place.
ELEMENTWISE  = (layers.Activation, layers.ReLU, layers.LeakyReLU, layers.PReLU, layers.ELU,
                layers.Softmax, layers.BatchNormalization, layers.Normalization,
                layers.Rescaling, StochasticDepth)
# Mixes channels, never positions.
CHANNELWISE  = (layers.Dense, ChannelShuffle, ChannelSplit, ChannelZeroPadding, FractalJoin,
                LocalResponseNormalization)
# Weights that scale or are looked up: no multiplications of a convolution or dense layer.
UNMULTIPLIED = (layers.LayerNormalization, layers.PReLU, layers.Embedding)
# Functions of keras.ops, and of operators such as x + y, which Keras has no public classes for.
ELEMENTWISE_OPS = {
    "Add", "Subtract", "Multiply", "Divide", "TrueDivide", "Maximum", "Minimum", "Clip",
    "Relu", "Relu6", "Sigmoid", "HardSigmoid", "Silu", "HardSilu", "Gelu", "Tanh",
}
# fmt: on

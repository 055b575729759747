"""What owns weights, or is shared by two families. Imports keras only."""

from kerascnn.layers.convolution import activation, conv, conv_bn

__all__ = ["activation", "conv", "conv_bn"]

"""The simulation of int8: where kernels requantize, the layers that round, ranges, biases."""

"""Zeros in kernels (magnitude, 2:4, sensitivity), and whole channels removed."""

"""Magnitude pruning for Keras 3: Zhu & Gupta, "To prune, or not to prune", arXiv:1710.01878.

Zeros shrink the gzipped file. They change neither the size on flash nor the latency of a dense
kernel; what makes a network faster there is the removal of whole channels.

The pattern 2:4 is what sparse hardware computes twice as fast: in every four weights in a row two
are zero (Mishra et al., "Accelerating Sparse Deep Neural Networks", arXiv:2104.08378). A row runs
along the input channels, for each output channel and each place of the filter: these are the
products that one output sums up, and they lie beside each other in a TFLite file, whose kernels
are (output, height, width, input). tfmot takes the same rows.
"""

import keras
import numpy as np

from ..constraints.kernels import TRANSPOSED


def kept(
    layer: keras.Layer, magnitudes: np.ndarray, sparsity: float, *, in_fours: bool = False
) -> np.ndarray:
    """The 0/1 mask of the weights of a layer that stay at a sparsity.

    in_fours: zeros are chosen among those that the pattern 2:4 allows, and are all of these at a
    sparsity of 0.5.
    """
    if not in_fours:
        return largest(magnitudes, 1 - sparsity)
    must = two_of_four(magnitudes, -1 if isinstance(layer, TRANSPOSED) else -2)
    dropped = (must == 0).mean() * min(1.0, sparsity / 0.5)
    return largest(np.where(must, np.inf, magnitudes), 1 - dropped)


def two_of_four(magnitudes: np.ndarray, axis: int) -> np.ndarray:
    """A 0/1 mask of the two largest of every four entries in a row along `axis`.

    A row whose length is no multiple of four counts as filled up with zeros, as the hardware
    fills it: of three last entries one is dropped, of two or one none.
    """
    rows = np.moveaxis(magnitudes, axis, -1)
    length = rows.shape[-1]
    filled = np.full((*rows.shape[:-1], -(-length // 4) * 4), -1.0)  # below every magnitude
    filled[..., :length] = rows
    fours = filled.reshape(-1, 4)
    mask = np.ones(fours.shape, "float32")
    np.put_along_axis(mask, np.argsort(fours, axis=1, kind="stable")[:, :2], 0, axis=1)
    return np.moveaxis(mask.reshape(filled.shape)[..., :length], -1, axis)


def largest(magnitudes: np.ndarray, share: float) -> np.ndarray:
    """A 0/1 mask of the `share` of entries that are largest."""
    drop = magnitudes.size - round(share * magnitudes.size)
    mask = np.ones(magnitudes.size, "float32")
    mask[np.argsort(magnitudes, axis=None, kind="stable")[:drop]] = 0
    return mask.reshape(magnitudes.shape)

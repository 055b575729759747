"""Weight sharing: each kernel takes a few values only, found by k-means and then trained.

Han, Mao & Dally, "Deep Compression", arXiv:1510.00149, section 3. The file gets smaller because
every weight becomes a short code (see `deep_compression`); a dense kernel computes as before.
"""

import keras
import numpy as np
from keras import layers, ops

from kerascnn.errors import UserError

from ..pruning.magnitude import kernel, prunable

ITERATIONS = 300  # of k-means at most; it ends earlier where no weight changes its cluster


class Sharing(keras.constraints.Constraint):
    """A constraint that holds the weights of a cluster equal after every step of the optimizer.

    The step has moved each weight by its own gradient. The cluster's value moves by the sum of
    these, which is the step along the gradient of the shared value (section 3.3): exact for SGD,
    with or without momentum. The value zero of a pruned kernel stays zero.

    Args:
        values: (k,) the shared values. codes: for each weight the number of its value.
    """

    def __init__(self, values, codes):
        self.count = len(values)
        self.values = keras.Variable(values, trainable=False, name="shared_values")
        self.codes = keras.Variable(codes.reshape(-1), trainable=False, dtype="int32", name="codes")
        self.moves = np.asarray(values != 0, "float32")

    def __call__(self, weight):
        before = ops.take(self.values, self.codes)
        moved = ops.reshape(ops.cast(weight, "float32"), (-1,)) - before
        moved = ops.segment_sum(moved, self.codes, num_segments=self.count)
        self.values.assign(self.values + moved * self.moves)
        shared = ops.take(self.values, self.codes)
        return ops.cast(ops.reshape(shared, weight.shape), weight.dtype)


def cluster(model, values, *, exclude=()):
    """Gives every kernel of a model at most `values` values, which the next training moves.

    Acts on convolutions and dense layers, not on depthwise ones. Where a kernel has zeros, zero
    is one of its values and stays. A kernel with no more values than that is left as it is, and
    keeps them in the training to come: so a clustered model can be trained further.

    Args:
        values: how many different weights a kernel may hold: a number, or a function of a layer's
            name and of dense=True or False that gives it, as `Clustering.values` of a recipe.
        exclude: shell patterns of layer names that stay as they are.
    """
    if keras.backend.backend() == "jax":
        raise UserError(
            "clustering: expected Keras on TensorFlow or torch, got jax, whose compiled step "
            "cannot move shared values; set KERAS_BACKEND=tensorflow"
        )
    for layer in prunable(model, exclude):
        variable = kernel(layer)
        dense = isinstance(layer, layers.Dense)
        count = values(layer.name, dense=dense) if callable(values) else values
        shared, codes = share(ops.convert_to_numpy(variable), count)
        variable.constraint = Sharing(shared, codes)
        variable.assign(shared[codes])


def share(weights, count):
    """Finds the shared values of one kernel.

    Returns:
        (values, codes): at most `count` float32 values in ascending order, and for each weight,
        in the kernel's shape, the number of its value. values[codes] is the shared kernel.
    """
    values = np.unique(weights)
    if len(values) > count:
        pruned = weights == 0
        centroids = k_means(weights[~pruned], count - pruned.any())
        nearest = np.searchsorted((centroids[1:] + centroids[:-1]) / 2, weights)
        weights = np.where(pruned, np.float32(0), centroids[nearest])
        values = np.unique(weights)
    codes = np.searchsorted(values, weights)
    return values.astype("float32") + np.float32(0), codes  # -0 becomes 0


def k_means(weights, count):
    """1-D k-means from centroids spread evenly between the extremes (section 3.2).

    Deterministic. Clusters that hold no weight are left out of what is returned, ascending.
    """
    ordered = np.sort(weights.reshape(-1).astype("float64"))
    sums = np.concatenate([[0.0], np.cumsum(ordered)])
    centroids, edges = np.linspace(ordered[0], ordered[-1], count), None
    for _ in range(ITERATIONS):
        before = edges
        between = (centroids[1:] + centroids[:-1]) / 2
        edges = np.concatenate([[0], np.searchsorted(ordered, between), [len(ordered)]])
        if before is not None and (edges == before).all():
            break
        sizes = np.diff(edges)
        centroids = np.where(sizes > 0, np.diff(sums[edges]) / np.maximum(sizes, 1), centroids)
    return centroids[np.diff(edges) > 0].astype("float32")

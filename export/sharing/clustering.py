"""Weight sharing: each kernel takes a few values only, found by k-means and then trained.

Han, Mao & Dally, "Deep Compression", arXiv:1510.00149, section 3. The file gets smaller because
every weight becomes a short code (see `deep_compression`); a dense kernel computes as before.
"""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from kerascnn.errors import UserError
from kerascnn.models.copying import copied
from kerascnn.models.graph import kernel_variable

from ..constraints.kernels import chosen_layers, forget_step, own_constraint
from ..constraints.values import Sharing
from ..constraints.zeros import keep_zeros

ITERATIONS = 300  # of k-means at most; it ends earlier where no weight changes its cluster


def cluster(
    model: keras.Model,
    values: int | Callable[..., int],
    *,
    exclude: Sequence[str] = (),
    summed: bool = False,
) -> keras.Model:
    """A copy of a model whose kernels have at most `values` different weights each.

        shared = export.cluster(model, values=16)
        shared.compile(...)
        shared.fit(...)  # moves the values; the weights of a cluster stay equal

    Acts on convolutions and dense layers, not on depthwise ones. Where a kernel has zeros, zero is
    one of its values and stays. A kernel with no more values than that is left as it is, and keeps
    them in the training to come: so does a clustered model that was loaded, clustered once more.
    `export.quantize` goes on with the values, `export.strip` gives them as plain weights.

    Args:
        model: functional, sequential, or a class of its own that is made of Keras operations.
        values: how many different weights a kernel may hold: a number, or a function of a layer's
            name and of dense=True or False that gives it, as `Clustering.values` of a recipe.
        exclude: shell patterns of the names of layers that stay as they are.
        summed: a value moves by the sum of what its weights would, not by their mean; see
            `Sharing`.

    Raises:
        UserError: fewer than two values, a pattern that no layer has, a model without such layers,
            or `summed` on JAX.
    """
    copy = copied(model)
    share_values(copy, values, exclude=exclude, summed=summed)
    keep_zeros(copy)  # of the layers that stay as they are
    return copy


def share_values(
    model: keras.Model, values: Any, *, exclude: Sequence[str] = (), summed: bool = False
) -> None:
    """The same in place."""
    if summed and keras.backend.backend() == "jax":
        raise UserError(
            "clustering: expected Keras on TensorFlow or torch, got jax, whose compiled step "
            "cannot move summed values; set KERAS_BACKEND=tensorflow"
        )
    for layer in chosen_layers(model, exclude):
        variable = kernel_variable(layer)
        dense = isinstance(layer, layers.Dense)
        count: Any = values(layer.name, dense=dense) if callable(values) else values
        if count < 2:
            raise UserError(f"{layer.name}: expected 2 values or more, got {count}")
        shared, codes = share(ops.convert_to_numpy(variable), count)
        variable.constraint = Sharing(shared, codes, own_constraint(variable), summed=summed)
        variable.assign(shared[codes])
    forget_step(model)


def share(weights: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
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


def k_means(weights: np.ndarray, count: int) -> np.ndarray:
    """1-D k-means from centroids spread evenly between the extremes (section 3.2).

    Deterministic. Clusters that hold no weight are left out of what is returned, ascending.
    """
    ordered = np.sort(weights.reshape(-1).astype("float64"))
    sums = np.concatenate([[0.0], np.cumsum(ordered)])
    centroids, edges = np.linspace(ordered[0], ordered[-1], count), np.zeros(0, int)
    for _ in range(ITERATIONS):
        before = edges
        between = (centroids[1:] + centroids[:-1]) / 2
        edges = np.concatenate([[0], np.searchsorted(ordered, between), [len(ordered)]])
        if np.array_equal(edges, before):
            break
        sizes = np.diff(edges)
        centroids = np.where(sizes > 0, np.diff(sums[edges]) / np.maximum(sizes, 1), centroids)
    return centroids[np.diff(edges) > 0].astype("float32")

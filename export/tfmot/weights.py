"""tensorflow-model-optimization (tfmot) for Keras 3 models: pruning and clustering.

A model goes to tf_keras, is wrapped and trained there, and comes back. What tfmot decides is how
weights are masked and shared.
"""

import fnmatch
from collections.abc import Sequence
from typing import Any

import keras

from .bridge import from_tf_keras, to_tf_keras
from .extra import TFMOT, import_extra
from .internals import CLUSTERING


def prunable(
    model: keras.Model,
    sparsity: float,
    steps: int,
    *,
    begin: float = 0.0,
    end: float = 0.7,
    schedule: str = "polynomial",
    pattern: str = "unstructured",
    exclude: Sequence[str] = (),
) -> Any:
    """A tf_keras copy of a model whose kernels are pruned while it trains.

    Args:
        model: a Keras 3 model.
        sparsity: the share of zeros in each kernel of a convolution or Dense layer at the end.
        steps: optimizer steps of the whole training.
        begin, end: where in the training, 0..1, the sparsity starts to rise and is reached.
        schedule: "polynomial" (Zhu & Gupta, arXiv:1710.01878), or "constant" from `begin` on.
        pattern: "unstructured", or "2:4": of four weights in a row two are zero, from the start.
        exclude: shell patterns of layer names.

    Returns:
        A `tf_keras.Model`. Train it with tfmot's callback `UpdatePruningStep`, then `strip` it.
    """
    tfmot = import_extra(TFMOT).sparsity.keras
    first, last = round(begin * steps), max(round(begin * steps) + 1, round(end * steps))
    every = max(1, (last - first) // 50)
    if schedule == "constant" or pattern == "2:4":
        curve = tfmot.ConstantSparsity(sparsity, first, frequency=every)
    else:
        curve = tfmot.PolynomialDecay(0.0, sparsity, first, last, power=3, frequency=every)
    shape = {"sparsity_m_by_n": (2, 4)} if pattern == "2:4" else {}

    def wrap(layer):
        return tfmot.prune_low_magnitude(layer, pruning_schedule=curve, **shape)

    return _wrapped(model, wrap, exclude)


def clustered(model: keras.Model, clusters: int, *, exclude: Sequence[str] = ()) -> Any:
    """A tf_keras copy of a model whose kernels take only `clusters` values while it trains.

    Centroids start by k-means++; zeros of a pruned kernel stay zeros. Then `strip` it.
    """
    tfmot = import_extra(TFMOT)
    keeping = import_extra(f"{TFMOT}.{CLUSTERING}")
    start = tfmot.clustering.keras.CentroidInitialization.KMEANS_PLUS_PLUS

    def wrap(layer):
        kernel = layer.kernel.numpy()
        if kernel.size <= clusters:
            return layer
        return keeping.cluster_weights(
            layer, clusters, start, preserve_sparsity=bool((kernel == 0).any())
        )

    return _wrapped(model, wrap, exclude)


def _wrapped(model, wrap, exclude):
    """The tf_keras equivalent of a model, convolutions and Dense layers wrapped."""
    tf_keras = import_extra("tf_keras")
    kinds = (
        tf_keras.layers.Conv1D,
        tf_keras.layers.Conv2D,
        tf_keras.layers.Conv2DTranspose,
        tf_keras.layers.Dense,
    )
    depthwise = tf_keras.layers.DepthwiseConv1D, tf_keras.layers.DepthwiseConv2D

    def maybe(layer):
        chosen = isinstance(layer, kinds) and not isinstance(layer, depthwise)
        excluded = any(fnmatch.fnmatch(layer.name, pattern) for pattern in exclude)
        return wrap(layer) if chosen and not excluded else layer

    return tf_keras.models.clone_model(to_tf_keras(model), clone_function=maybe)


def strip(wrapped: Any, like: keras.Model) -> keras.Model:
    """Writes what was pruned or clustered into the Keras 3 model it came from; returns that."""
    tfmot = import_extra(TFMOT)
    plain = tfmot.sparsity.keras.strip_pruning(wrapped)
    return from_tf_keras(tfmot.clustering.keras.strip_clustering(plain), like)

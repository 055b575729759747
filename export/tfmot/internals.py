"""The private names of tf_keras and tfmot: no other file of this wing has one."""

from collections.abc import Iterable
from typing import Any

CLUSTERING = "python.core.clustering.keras.experimental.cluster"  # a module below tfmot


def quantized_weights(layer: Any) -> Iterable[tuple[Any, Any, Any]]:
    """(weight, quantizer, its variables) of each weight that a wrapper of tfmot rounds."""
    return getattr(layer, "_weight_vars", ())


def keep_from_training(layer: Any) -> None:
    """Moves all weights of a tf_keras layer to those that are not trained."""
    layer._non_trainable_weights += layer._trainable_weights
    layer._trainable_weights = []

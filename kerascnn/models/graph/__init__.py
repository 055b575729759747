"""Functional models as graphs: walked, counted, rebuilt.

The private names of Keras that this takes are in `internals`.
"""

from kerascnn.models.graph.canonical import (
    activation_layer,
    canonical,
    canonical_pairs,
    has_inner_activation,
    in_float32,
)
from kerascnn.models.graph.internals import (
    Functional,
    Node,
    functional_or_none,
    inference,
    kernel_variable,
    operands,
    producer_node,
)
from kerascnn.models.graph.normalizing import Scaled, normalized, rescaling
from kerascnn.models.graph.rebuilding import like, new_inputs, output_names, packed
from kerascnn.models.graph.tracing import is_block, traced
from kerascnn.models.graph.walking import (
    all_layers,
    allow_depth,
    computes_in,
    consumers,
    functional,
    is_functional,
    nodes,
    output_specs,
    producer,
    walk,
)
from kerascnn.models.graph.weightless import needed_bytes, without_weights

__all__ = [
    "Functional",
    "Node",
    "functional_or_none",
    "inference",
    "kernel_variable",
    "operands",
    "producer_node",
    "all_layers",
    "allow_depth",
    "computes_in",
    "consumers",
    "functional",
    "is_functional",
    "nodes",
    "output_specs",
    "producer",
    "walk",
    "like",
    "new_inputs",
    "output_names",
    "packed",
    "is_block",
    "traced",
    "Scaled",
    "normalized",
    "rescaling",
    "activation_layer",
    "canonical",
    "canonical_pairs",
    "has_inner_activation",
    "in_float32",
    "needed_bytes",
    "without_weights",
]

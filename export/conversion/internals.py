"""The private names of TensorFlow that writing a file takes: no other file of this wing has one.

They may change with any release of TensorFlow; tests/test_structure.py looks for others.
"""

from typing import Any


def without_variables(concrete: Any) -> Any:
    """Returns a concrete function with constants in place of its variables."""
    from tensorflow.python.framework.convert_to_constants import (
        convert_variables_to_constants_v2,
    )

    return convert_variables_to_constants_v2(concrete, lower_control_flow=False)


def optimized(frozen: Any, passes: list[str]) -> Any:
    """Returns the graph of a frozen function, a GraphDef, after these passes of Grappler."""
    from tensorflow.core.protobuf.config_pb2 import ConfigProto
    from tensorflow.python.grappler.tf_optimizer import OptimizeGraph
    from tensorflow.python.training.saver import export_meta_graph

    ends = [*frozen.inputs, *frozen.outputs]
    meta_graph = export_meta_graph(graph_def=frozen.graph.as_graph_def(), graph=frozen.graph)
    meta_graph.collection_def["train_op"].node_list.value.extend(x.name for x in ends)
    config = ConfigProto()
    rewriting = config.graph_options.rewrite_options
    rewriting.optimizers.extend(passes)
    rewriting.min_graph_nodes = -1  # however small the graph is
    return OptimizeGraph(config, meta_graph)


def converter_of(frozen: Any, graph: Any) -> Any:
    """Returns a TFLite converter of a frozen function that takes `graph`, a GraphDef, for its own.

    By itself it would freeze what is frozen once more, which takes a dozen copies of all weights.
    """
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_concrete_functions([frozen])
    converter._freeze_concrete_function = lambda: (graph, frozen.inputs, frozen.outputs, frozen)
    return converter

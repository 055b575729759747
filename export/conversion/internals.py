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


def constants_for_variables(concrete: Any) -> Any | None:
    """Returns the graph of a concrete function, a GraphDef, with constants for its variables.

    By way of a function, as above, a dozen copies of the weights are made; here each is copied
    once. None where a function within the graph, as the body of a loop, takes a variable, or
    anything else does that is no mere reading.
    """
    import tensorflow as tf

    graph = concrete.graph.as_graph_def()
    taken = {inner.name.split(":")[0]: outer for outer, inner in concrete.graph.captures}
    variables = {v.handle.ref(): v for v in concrete.graph.variables}
    values, places = {}, {}
    for place, node in enumerate(graph.node):
        if node.name in taken:
            values[node.name] = variables.get(taken[node.name].ref())
            if values[node.name] is None:
                return None
        elif any(name.split(":")[0].lstrip("^") in taken for name in node.input):
            if node.op != "ReadVariableOp":
                return None
            places[place] = node.input[0].split(":")[0]
    for place, name in places.items():
        node, value = graph.node[place], values[name].numpy()
        constant = tf.compat.v1.NodeDef(name=node.name, op="Const")
        constant.attr["dtype"].type = node.attr["dtype"].type
        constant.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value))
        node.CopyFrom(constant)
    waited = {f"^{graph.node[place].name}" for place in places}  # for a reading; there is none
    for place in reversed(range(len(graph.node))):
        node = graph.node[place]
        if node.name in taken:
            del graph.node[place]
        elif waited.intersection(node.input):
            node.input[:] = [name for name in node.input if name not in waited]
    return graph


def optimized(frozen: Any, passes: list[str]) -> Any:
    """Returns the graph of a `Frozen` function, a GraphDef, after these passes of Grappler."""
    from tensorflow.core.protobuf.config_pb2 import ConfigProto
    from tensorflow.python.grappler.tf_optimizer import OptimizeGraph
    from tensorflow.python.training.saver import export_meta_graph

    ends = [*frozen.inputs, *frozen.outputs]
    meta_graph = export_meta_graph(graph_def=frozen.graph, graph=frozen.function.graph)
    meta_graph.collection_def["train_op"].node_list.value.extend(x.name for x in ends)
    config = ConfigProto()
    rewriting = config.graph_options.rewrite_options
    rewriting.optimizers.extend(passes)
    rewriting.min_graph_nodes = -1  # however small the graph is
    return OptimizeGraph(config, meta_graph)


def converter_of(frozen: Any, graph: Any) -> Any:
    """Returns a TFLite converter of a `Frozen` that takes `graph`, a GraphDef, for its own.

    By itself it would freeze what is frozen once more, which takes a dozen copies of all weights.
    """
    import tensorflow as tf

    function = frozen.function
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function])
    converter._freeze_concrete_function = lambda: (graph, frozen.inputs, frozen.outputs, function)
    return converter

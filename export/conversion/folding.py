"""Constants of a frozen graph: what hangs on nothing else is computed before it is converted.

TFLite's converter, unlike that of ONNX, leaves some of it in the file, to be computed for every
image: the kernel that a partially connected convolution puts together from its parts, the window
of a response normalization.
"""


def fold(frozen):
    """Folds the constants of a frozen float function; returns the smaller graph, a GraphDef.

    An int8 simulation must not pass here: the rounding of its weights is what the converter reads
    their scales from.
    """
    from tensorflow.core.protobuf.config_pb2 import ConfigProto
    from tensorflow.python.grappler.tf_optimizer import OptimizeGraph
    from tensorflow.python.training.saver import export_meta_graph

    ends = [*frozen.inputs, *frozen.outputs]
    meta_graph = export_meta_graph(graph_def=frozen.graph.as_graph_def(), graph=frozen.graph)
    meta_graph.collection_def["train_op"].node_list.value.extend(x.name for x in ends)
    config = ConfigProto()
    rewriting = config.graph_options.rewrite_options
    rewriting.optimizers.append("constfold")
    rewriting.min_graph_nodes = -1  # however small the graph is
    return OptimizeGraph(config, meta_graph)

"""An ONNX graph that can be rewritten, and what the public converter leaves to be mended in it."""

from collections import defaultdict

import numpy as np
from onnx import helper, numpy_helper, shape_inference

CHANNELS_FIRST, CHANNELS_LAST = [0, 3, 1, 2], [0, 2, 3, 1]


class Graph:
    """The nodes of a model, and for each tensor who makes it, who takes it, what is constant."""

    def __init__(self, model):
        self.proto = model.graph
        self.constants = {t.name: t for t in model.graph.initializer}
        self.ends = {value.name for value in model.graph.output}
        self.makers, self.takers = {}, defaultdict(list)
        for node in model.graph.node:
            self.makers.update(dict.fromkeys(node.output, node))
            for name in node.input:
                self.takers[name].append(node)

    def constant(self, name):
        """The value of a constant; None for a tensor that is computed."""
        found = self.constants.get(name)
        return None if found is None else numpy_helper.to_array(found)

    def add_constant(self, name, value):
        """Adds a constant, called `name` or like it where that is taken. Returns its name."""
        while name in self.constants:
            name += "_"
        self.constants[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
        self.proto.initializer.append(self.constants[name])
        return name

    def only_taker(self, node):
        """The one node that takes the output of `node`; None where others see it too."""
        takers = self.takers[node.output[0]]
        return takers[0] if len(takers) == 1 and node.output[0] not in self.ends else None

    def absorb(self, node, taker):
        """`taker` is gone; `node` makes its output. In place."""
        self.proto.node.remove(taker)
        node.output[0] = taker.output[0]
        self.makers[node.output[0]] = node

    def finish(self):
        """Forgets what is no longer used, and what was said of tensors that changed."""
        used = {name for node in self.proto.node for name in node.input} | self.ends
        for name in set(self.constants) - used:
            self.proto.initializer.remove(self.constants[name])
        del self.proto.value_info[:]


def attribute(node, name, default=None):
    """The value of an attribute of a node."""
    return next((helper.get_attribute_value(a) for a in node.attribute if a.name == name), default)


def set_attribute(node, name, value):
    """Gives a node an attribute, whether it had one of this name or not."""
    for old in [a for a in node.attribute if a.name == name]:
        node.attribute.remove(old)
    node.attribute.append(helper.make_attribute(name, value))


def fold_into_weights(model):
    """What multiplies and adds per channel behind a layer with weights moves into them. In place.

    This is where batch normalizations end: the converter folds some and leaves others.
    """
    graph = Graph(model)
    for node in list(model.graph.node):
        while _folds(graph, node):
            pass
    graph.finish()


# op -> the axis of its weights that its output channels lie on
OUTPUT_AXIS = {"Conv": 0, "ConvTranspose": 1, "Gemm": 1, "MatMul": 1}


def _folds(graph, node):
    """Folds the next node into `node`, where it can be; tells whether it did."""
    taker = graph.only_taker(node)
    if node.op_type not in OUTPUT_AXIS or taker is None or taker.op_type not in ("Mul", "Add"):
        return False
    weights = graph.constant(node.input[1])
    others = [name for name in taker.input if name != node.output[0]]
    values = graph.constant(others[0]) if len(others) == 1 else None
    plain = attribute(node, "alpha", 1.0) == 1 == attribute(node, "beta", 1.0)
    grouped = node.op_type == "ConvTranspose" and attribute(node, "group", 1) != 1
    if weights is None or values is None or not plain or grouped:
        return False
    dense = node.op_type in ("Gemm", "MatMul")
    if dense and weights.ndim != 2:
        return False
    axis = 0 if attribute(node, "transB", 0) else OUTPUT_AXIS[node.op_type]
    values = _per_channel(values, weights.ndim, -1 if dense else 1, weights.shape[axis])
    if values is None or (node.op_type == "MatMul" and taker.op_type == "Add"):
        return False
    bias = None
    if len(node.input) > 2 and node.input[2]:
        bias = graph.constant(node.input[2])
        if bias is None:
            return False
    if taker.op_type == "Mul":
        shape = [1] * weights.ndim
        shape[axis] = -1
        scaled = (weights * values.reshape(shape)).astype(weights.dtype)
        node.input[1] = graph.add_constant(f"{node.input[1]}_folded", scaled)
        bias = None if bias is None else bias * values
    else:
        bias = values if bias is None else bias + values
    if bias is not None:
        del node.input[2:]
        bias = bias.astype(weights.dtype)
        node.input.append(graph.add_constant(f"{taker.output[0]}_bias", bias))
    graph.absorb(node, taker)
    return True


def _per_channel(values, rank, axis, channels):
    """One value a channel, where `values` is broadcast along the channels alone; else None."""
    if values.ndim > rank:
        return None
    shape = [1] * (rank - values.ndim) + list(values.shape)
    size = shape.pop(axis)
    if any(n != 1 for n in shape) or size not in (1, channels):
        return None
    return np.broadcast_to(values.reshape(-1), channels)


def fold_pads(model):
    """Borders of zeros in front of convolutions become their padding. In place."""
    graph = Graph(model)
    for node in list(model.graph.node):
        if node.op_type != "Pad" or len(node.input) > 3 or node.output[0] in graph.ends:
            continue
        pads = graph.constant(node.input[1])
        border = graph.constant(node.input[2]) if len(node.input) > 2 else np.zeros(())
        takers = graph.takers[node.output[0]]
        if pads is None or border is None or border.any() or not takers:
            continue
        before, after = np.split(pads, 2)
        if attribute(node, "mode", b"constant") != b"constant" or any((*before[:2], *after[:2])):
            continue
        if any(
            taker.op_type != "Conv" or attribute(taker, "auto_pad", b"NOTSET") != b"NOTSET"
            for taker in takers
        ):
            continue
        more = np.concatenate([before[2:], after[2:]])
        for taker in takers:
            own = attribute(taker, "pads", [0] * len(more))
            set_attribute(taker, "pads", [int(n) for n in own + more])
            taker.input[0] = node.input[0]
        model.graph.node.remove(node)
    graph.finish()


def shuffle_channels_first(model):
    """Shuffles of channels work on NCHW, like the convolutions around them. Returns how many.

    The converter knows no layout for the pair of reshapes and stays in NHWC between them. Two
    transposes are left around each shuffle; the converter's optimizer cancels them with others.
    """
    inferred = shape_inference.infer_shapes(model)
    shapes = {
        value.name: [d.dim_value for d in value.type.tensor_type.shape.dim]
        for value in (*inferred.graph.value_info, *inferred.graph.input)
    }
    graph = Graph(model)
    shuffles = 0
    for swap in [node for node in model.graph.node if node.op_type == "Transpose"]:
        split, join = graph.makers.get(swap.input[0]), graph.only_taker(swap)
        if join is None or split is None or {split.op_type, join.op_type} != {"Reshape"}:
            continue
        parts = graph.constant(split.input[1])
        image = shapes.get(split.input[0], [])
        joined = shapes.get(join.output[0])
        perm = list(attribute(swap, "perm"))
        swapped = [*range(len(perm) - 2), len(perm) - 1, len(perm) - 2]
        if perm != swapped or len(image) != 4 or joined != image or graph.only_taker(split) is None:
            continue
        if parts is None or parts[-1] * parts[-2] != image[3] or not all(image[1:]):
            continue
        height, width, channels = image[1:]
        name = join.output[0]
        groups = [-1, int(parts[-2]), int(parts[-1]), height * width]
        shape = [graph.add_constant(f"{name}_{key}", np.array(value, np.int64))
                 for key, value in (("groups", groups), ("whole", [-1, channels, height, width]))]  # fmt: skip
        steps = [
            ("Transpose", [split.input[0]], {"perm": CHANNELS_FIRST}),
            ("Reshape", [None, shape[0]], {}),
            ("Transpose", [None], {"perm": [0, 2, 1, 3]}),
            ("Reshape", [None, shape[1]], {}),
            ("Transpose", [None], {"perm": CHANNELS_LAST}),
        ]
        position = list(model.graph.node).index(split)
        made = []
        for i, (op, inputs, attributes) in enumerate(steps):
            inputs[0] = inputs[0] or made[-1].output[0]
            output = name if i == len(steps) - 1 else f"{name}_step{i}"
            made.append(helper.make_node(op, inputs, [output], name=f"{swap.name}_{i}", **attributes))
        for node in (split, swap, join):
            model.graph.node.remove(node)
        for i, node in enumerate(made):
            model.graph.node.insert(position + i, node)
        shuffles += 1
    graph.finish()
    return shuffles

"""How a file computes the layers of a model where that is not how they train.

A simulation trains with its batch normalizations beside the kernels; a file has both in one. What
stays float between two roundings needs a sign that the converter has no integers for, or it would
make int8 of whatever has a kernel. These are rewrites of the graph, made while it is frozen: no
layer has a mode for it.
"""

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers, ops
from keras.quantizers import fake_quant_with_min_max_vars

from kerascnn.models.graph import Node, inference, kernel_variable

from ..integer_form.graph import Graph
from ..integer_form.names import may_stand_first
from ..integer_form.operations import PASS_THROUGH
from ..quantization.folded_normalization import FoldedBatchNormalization
from ..quantization.quantized_activations import (
    QuantizedPReLU,
    SaturatingReLU,
    SaturatingTanh,
)
from ..quantization.quantized_layers import (
    FakeQuant,
    QuantizedKernel,
    along_kernel,
    quantized,
    scaled_last,
)
from ..quantization.rules import float_islands


class Writer:
    """Calls the layers of a model, float or a simulation of int8, as its file computes them."""

    def __init__(self, model: keras.Model) -> None:
        self.graph = Graph(model)
        self.islands = set(float_islands(model)) if _simulates(self.graph) else set()

    def call(self, node: Node, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        """The outputs of a node on these tensors."""
        import tensorflow as tf

        if may_stand_first(node.operation.name):
            return self._call(node, args, kwargs)
        with tf.name_scope("x"):
            return self._call(node, args, kwargs)

    def _call(self, node, args, kwargs):
        layer = node.operation
        rule = next((RULES[kind] for kind in type(layer).__mro__ if kind in RULES), None)
        if rule:
            import tensorflow as tf

            with tf.name_scope(layer.name):
                return rule(layer, *args, **kwargs)
        kwargs = inference(layer, kwargs)
        if layer.name not in self.islands:
            return layer(*args, **kwargs)
        taken = iter(node.input_tensors)
        args, kwargs = keras.tree.map_structure(
            lambda x: self._in_float(x, next(taken)) if ops.is_tensor(x) else x, (args, kwargs)
        )
        outputs = keras.tree.flatten(layer(*args, **kwargs))
        return [self._out_of_float(x, y) for x, y in zip(outputs, node.outputs, strict=True)]

    def _in_float(self, x, symbolic):
        """What comes out of a rounding, with a barrier: what follows computes in float."""
        producer = self.graph.producer(symbolic, PASS_THROUGH)
        rounded = producer is not None and isinstance(producer.operation, FakeQuant)
        return _behind_a_barrier(x) if rounded else x

    def _out_of_float(self, x, symbolic):
        """What goes into a rounding, with a barrier: what is in front computes in float."""
        consumers = self.graph.consumers.get(id(symbolic), ())
        rounded = any(isinstance(consumer.operation, FakeQuant) for consumer in consumers)
        return _behind_a_barrier(x) if rounded else x


def _behind_a_barrier(x):
    """x through two changes of sign, of which the converter makes no integers."""
    return -1.0 * ops.negative(x)


def _simulates(graph):
    return any(isinstance(node.operation, FakeQuant) for node in graph.nodes)


def _rounded(layer, x, index=0, rounding_mode=None):
    """The converter takes the range; how halves are rounded is its kernels' own matter."""
    return fake_quant_with_min_max_vars(x, layer.minimum.value, layer.maximum.value)


def _kernel(layer, x):
    """A kernel with the gain of the normalization behind it, rounded as one."""
    kernel, bias = ops.convert_to_tensor(kernel_variable(layer)), layer.bias
    if layer.gain is not None:
        kernel = kernel * along_kernel(layer, layer.gain(), kernel)
        bias = None if bias is None else bias * layer.gain()
    if layer.rounds:
        return _computed(layer, x, quantized(kernel, scaled_last(layer, kernel)), bias)
    # Of a change of sign the converter makes no integers, so what is around it stays float.
    return -_computed(layer, x, -kernel, None if bias is None else -bias)


def _computed(layer, x, kernel, bias):
    """What a layer gives for x with another kernel and bias."""
    if isinstance(layer, layers.Dense):
        y = ops.matmul(x, kernel)
    else:
        shared = {"padding": layer.padding, "dilation_rate": layer.dilation_rate}
        if isinstance(layer, layers.DepthwiseConv2D):
            y = ops.depthwise_conv(x, kernel, layer.strides, **shared)
        elif isinstance(layer, layers.Conv2DTranspose):
            shared["output_padding"] = layer.output_padding
            y = ops.conv_transpose(x, kernel, list(layer.strides), **shared)
        else:
            y = ops.conv(x, kernel, list(layer.strides), **shared)
    return y if bias is None else ops.add(y, bias)


def _unit_norm(layer, x):
    """As Keras, in words that no converter takes for its own operator: that divides zeros by 0."""
    length = ops.sqrt(ops.sum(ops.square(x), axis=layer.axis, keepdims=True))
    return x / ops.maximum(length, 1e-12)


# (layer, what it is called with) -> what a file gives. The kernel in front has the gain of a batch
# normalization; the converter rounds the slopes of a PReLU; what limits an activation is the range
# behind it.
RULES = {
    FakeQuant: _rounded,
    QuantizedKernel: _kernel,
    FoldedBatchNormalization: lambda layer, x, **_: x + layer.shift(),
    QuantizedPReLU: lambda layer, x: ops.relu(x) - layer.alpha * ops.relu(-x),
    SaturatingReLU: lambda layer, x: ops.relu(x),
    SaturatingTanh: lambda layer, x: x,
    layers.UnitNormalization: _unit_norm,
}

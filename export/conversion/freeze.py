"""A Keras model as a frozen TensorFlow graph: the one thing both converters start from."""

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import keras

from kerascnn.models.graph import functional, nodes, walk

from ..integer_form.names import operation_names
from ..quantization.fake_quant import FakeQuant
from ..quantization.quantized_layers import is_int8
from . import internals
from .written import Writer


@dataclass(frozen=True)
class Frozen:
    """graph: without variables, a GraphDef. inputs, outputs: its ends, symbolic tensors. function:
    the concrete function that it is the graph of."""

    graph: Any
    inputs: list[Any]
    outputs: list[Any]
    function: Any


def freeze(
    model: keras.Model,
    *,
    batch: int | None,
    pixels: Sequence[bool] | None = None,
    float_pixels: bool = False,
) -> Frozen:
    """Freezes the inference of a model.

    Args:
        model: float, or with its int8 rounding simulated.
        batch: 1 or more inputs, or None for any number.
        pixels: for each input whether it takes raw pixels, 0..255; all do by default.
        float_pixels: pixels come in float32, 0..255; an int8 model normalizes them then.

    Returns:
        A function without variables. Its inputs stand in the order of the model's, and
        are called so as far as TensorFlow takes their names. A float model's take uint8 pixels, or
        its floats. An int8 model's take what the quantization of the input says of the integers;
        the converter makes them integers again.
    """
    import tensorflow as tf

    model = functional(model)
    int8 = is_int8(model)
    pixels = (True,) * len(model.inputs) if pixels is None else pixels
    names = operation_names(x.name for x in model.inputs)
    signature = [
        tf.TensorSpec(
            (batch, *x.shape[1:]),
            tf.uint8 if takes and not (int8 or float_pixels) else tf.float32,
            name=name,
        )
        for x, takes, name in zip(model.inputs, pixels, names, strict=True)
    ]

    def call(node, *args, **kwargs):
        operation = node.operation
        if int8 and not float_pixels and isinstance(operation, keras.layers.Rescaling):
            return args[0]  # the input's scale and zero point are this normalization
        return writer.call(node, args, kwargs)

    @tf.function(autograph=False)
    def inference(*images):
        images = [tf.cast(x, tf.float32) for x in images]
        return walk(model, images, call)

    writer = Writer(model)
    with plain_convolutions():
        concrete = inference.get_concrete_function(*signature)
    return without_variables(concrete)


def without_variables(concrete: Any) -> Frozen:
    """A concrete function with constants in place of its variables."""
    graph = internals.constants_for_variables(concrete)
    if graph is not None:
        inputs = concrete.inputs[: len(concrete.inputs) - len(concrete.captured_inputs)]
        return Frozen(graph, inputs, concrete.outputs, concrete)
    frozen = internals.without_variables(concrete)
    gc.collect()  # of graphs on the way, each with all weights: they hold each other
    return Frozen(frozen.graph.as_graph_def(), frozen.inputs, frozen.outputs, frozen)


@contextmanager
def plain_convolutions() -> Iterator[None]:
    """A 2D convolution that is traced inside is one operation of the graph, whatever it is.

    Keras wraps a grouped one in a compiled function of its own, which is needed to run it and
    which converters write down as a call of something that the file does not hold. TensorFlow
    takes a dilated one apart, and TFLite puts it together again for a fixed batch alone.
    """
    import tensorflow as tf

    eager = tf.config.functions_run_eagerly()
    nn: Any = tf.nn  # what the stubs say of it is not all
    apart, apart_depthwise = nn.convolution, nn.depthwise_conv2d

    def convolution(
        input, filters, strides=None, padding="VALID", data_format=None, dilations=None, name=None
    ):
        if len(input.shape) != 4 or data_format not in (None, "NHWC"):
            return apart(input, filters, strides, padding, data_format, dilations, name)
        return nn.conv2d(input, filters, strides or 1, padding, dilations=dilations or 1, name=name)

    def depthwise(input, filter, strides, padding, data_format=None, dilations=None, name=None):
        if len(input.shape) != 4 or data_format not in (None, "NHWC"):
            return apart_depthwise(input, filter, strides, padding, data_format, dilations, name)
        rates = [dilations] * 2 if isinstance(dilations, int) else list(dilations or (1, 1))
        return tf.raw_ops.DepthwiseConv2dNative(
            input=input,
            filter=filter,
            strides=strides,
            padding=padding,
            dilations=[1, *rates, 1],
            name=name,
        )

    tf.config.run_functions_eagerly(True)
    nn.convolution, nn.depthwise_conv2d = convolution, depthwise
    try:
        yield
    finally:
        nn.convolution, nn.depthwise_conv2d = apart, apart_depthwise
        tf.config.run_functions_eagerly(eager)


def gives_probabilities(model: keras.Model, number: int) -> bool:
    """Whether an output of a model, counted from 0, comes out of a softmax or a sigmoid."""
    flat = functional(model)
    producers = {id(x): node for node in nodes(flat) for x in node.outputs}
    node = producers.get(id(flat.outputs[number]))
    while node is not None and isinstance(node.operation, FakeQuant):
        node = producers.get(id(node.input_tensors[0]))
    last = node.operation if node is not None else None
    return isinstance(last, keras.layers.Softmax) or getattr(last, "activation", None) in (
        keras.activations.softmax,
        keras.activations.sigmoid,
    )

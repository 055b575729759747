"""Files as other tools write them: TensorFlow's converter, tf2onnx, ONNX Runtime's quantizer."""

import keras
import numpy as np
import onnx
import tensorflow as tf
import tf2onnx
from keras import layers
from onnx import TensorProto, helper, numpy_helper

RNG = np.random.default_rng(1)
PIXELS = RNG.uniform(0, 1, (32, 3, 3, 3)).repeat(4, 1).repeat(4, 2)  # patches, no two alike,
PIXELS *= RNG.uniform(0, 1, (32, 1, 1, 3))  # and no two lit alike,
PIXELS = (PIXELS / PIXELS.max()).astype("float32")  # from black to white
WHOLE = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]


def network():
    """A convolutional network, (12, 12, 3) -> 5, whose outputs change with its input."""
    inputs = keras.Input((12, 12, 3), name="image")
    x = layers.Conv2D(16, 3, activation="relu", name="conv")(inputs)
    x = layers.Flatten()(layers.MaxPooling2D(2)(x))
    model = keras.Model(inputs, layers.Dense(5, name="scores")(x), name="small")
    # No class is the likeliest whatever the image: what is left of the outputs tells them apart.
    model.get_layer("scores").bias.assign(-model.predict(PIXELS, verbose=0).mean(axis=0))
    return model


def two_heads():
    """Two float inputs of one shape, and tokens; two outputs of one shape."""
    a, b = keras.Input((4,), name="left"), keras.Input((4,), name="right")
    tokens = keras.Input((6,), dtype="int32", name="tokens")
    words = layers.GlobalAveragePooling1D()(layers.Embedding(10, 3)(tokens))
    x = layers.Concatenate()([layers.Dense(3)(a), layers.Dense(3)(b), words])
    heads = [layers.Dense(2, name="first")(x), layers.Dense(2, name="second")(x)]
    return keras.Model([a, b, tokens], heads, name="two_heads")


def tflite(path, model, mode="float32", ends=None):
    """Writes what TFLiteConverter makes by itself: float32, float16, dynamic, int8, int16x8."""
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    if mode != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if mode == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if mode in ("int8", "int16x8"):
        converter.representative_dataset = lambda: ([x[None]] for x in PIXELS)
    if mode == "int16x8":
        name = "EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8"
        converter.target_spec.supported_ops = [getattr(tf.lite.OpsSet, name)]
    if ends:
        converter.target_spec.supported_ops = WHOLE
        converter.inference_input_type = converter.inference_output_type = getattr(tf, ends)
    path.write_bytes(converter.convert())
    return path


def write_all(folder, model):
    """Writes the `network` as each tool does it: float32.tflite, ..., torch.onnx, images.npz."""
    from onnxruntime.quantization import QuantFormat, QuantType

    model.save(folder / "small.keras")
    for mode in ("float32", "float16", "dynamic", "int8", "int16x8"):
        tflite(folder / f"{mode}.tflite", model, mode)
    for ends in ("uint8", "int8"):
        tflite(folder / f"{ends}_ends.tflite", model, "int8", ends)
    source = onnx_of(folder / "float32.onnx", model)
    quantized(folder / "qdq.onnx", source, per_channel=True)
    whole = {"quant_format": QuantFormat.QOperator, "activation_type": QuantType.QUInt8}
    quantized(folder / "qoperator.onnx", source, **whole)
    onnx.save(like_torch(model), folder / "torch.onnx")
    np.savez(folder / "images.npz", image=PIXELS)


def from_function(path, function, *specs):
    """Writes what TFLiteConverter makes of a function; what LiteRT lacks is Flex, or custom."""
    traced = tf.function(lambda *x: function(*x)).get_concrete_function(*specs)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([traced])
    ops = tf.lite.OpsSet
    converter.target_spec.supported_ops = [ops.TFLITE_BUILTINS, ops.SELECT_TF_OPS]
    converter.allow_custom_ops = True
    path.write_bytes(converter.convert())
    return path


def onnx_of(path, model):
    """Writes what tf2onnx makes of a functional Keras model."""
    tf2onnx.convert.from_keras(model, output_path=str(path), opset=17)
    return path


def quantized(path, source, **options):
    """Writes what ONNX Runtime's static quantization makes of an .onnx file."""
    from onnxruntime.quantization import CalibrationDataReader, quantize_static

    class Reader(CalibrationDataReader):
        def __init__(self):
            name = onnx.load(source).graph.input[0].name
            self.rows = iter([{name: x[None]} for x in PIXELS])

        def get_next(self):
            return next(self.rows, None)

    quantize_static(str(source), str(path), Reader(), **options)
    return path


def like_torch(model, batch="N", name="pixel_values", external=None):
    """The `network` as torch would export it: channels first, flattened in that order."""
    kernel, bias = model.get_layer("conv").get_weights()
    dense, offset = model.get_layer("scores").get_weights()
    dense = dense.reshape(5, 5, 16, 5).transpose(2, 0, 1, 3).reshape(-1, 5)
    weights = {"w": kernel.transpose(3, 2, 0, 1), "b": bias, "d": dense, "o": offset}
    nodes = [
        helper.make_node("Conv", [name, "w", "b"], ["c"]),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("MaxPool", ["r"], ["p"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Flatten", ["p"], ["f"]),
        helper.make_node("Gemm", ["f", "d", "o"], ["logits"]),
    ]
    return graph(
        nodes,
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [batch, 3, 12, 12])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [batch, 5])],
        weights,
    )


def graph(nodes, inputs, outputs, weights=None, domains=()):
    """An ONNX model of nodes, ends and constants."""
    stored = [
        numpy_helper.from_array(np.ascontiguousarray(v), k) for k, v in (weights or {}).items()
    ]
    opsets = [helper.make_opsetid("", 17), *(helper.make_opsetid(d, 1) for d in domains)]
    made = helper.make_graph(nodes, "g", inputs, outputs, stored)
    return helper.make_model(made, opset_imports=opsets, ir_version=8)


def value(name, kind, shape):
    """An input or output of an ONNX graph, its dtype by name: "INT64"."""
    return helper.make_tensor_value_info(name, getattr(TensorProto, kind), shape)

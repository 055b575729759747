"""A Keras model as a frozen TensorFlow graph: the one thing both converters start from."""

import keras

from export.compression.compress import is_int8
from kerascnn.models.graph import functional, nodes, walk


def freeze(model, *, batch, pixels=True):
    """Freezes the inference of a model.

    Args:
        model: raw pixels -> outputs; float, or with its int8 rounding simulated.
        batch: 1 or more images, or None for any number.
        pixels: False where a float model takes other floats than pixels, 0..255.

    Returns:
        A concrete function without variables. Its inputs are called as the model's. A float
        model's take uint8 pixels, or its floats. An int8 model's take what the input's
        quantization says of the pixels; the converter makes them uint8 again.
    """
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import (
        convert_variables_to_constants_v2,
    )

    model = functional(model)
    int8 = is_int8(model)
    dtype = tf.uint8 if pixels and not int8 else tf.float32
    signature = [tf.TensorSpec((batch, *x.shape[1:]), dtype, name=x.name) for x in model.inputs]

    def call(node, *args, **kwargs):
        operation = node.operation
        if int8 and isinstance(operation, keras.layers.Rescaling):
            return args[0]  # the input's scale and zero point are this normalization
        if getattr(operation, "_call_has_training_arg", False):
            kwargs = {**kwargs, "training": False}
        return operation(*args, **kwargs)

    @tf.function(autograph=False)
    def inference(*images):
        images = [tf.cast(x, tf.float32) for x in images]
        return walk(model, images, call)

    concrete = inference.get_concrete_function(*signature)
    return convert_variables_to_constants_v2(concrete, lower_control_flow=False)


def freeze_simulation(model, *, batch):
    """Freezes the inference of a tf_keras model that tfmot simulates int8 in; see `freeze`."""
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import (
        convert_variables_to_constants_v2,
    )

    from export.compression.tf_keras_layers import RoundedRescaling

    ends = [layer for layer in model.layers if isinstance(layer, RoundedRescaling)]
    signature = [
        tf.TensorSpec((batch, *x.shape[1:]), tf.float32, name=x.name) for x in model.inputs
    ]

    @tf.function(autograph=False)
    def inference(*images):
        return model(list(images) if len(images) > 1 else images[0], training=False)

    try:
        for layer in ends:
            layer.rescales = False
        concrete = inference.get_concrete_function(*signature)
    finally:
        for layer in ends:
            layer.rescales = True
    return convert_variables_to_constants_v2(concrete, lower_control_flow=False)


def output_names(model):
    """What the outputs of an artifact are called: by the layer that made them; one, by its meaning.

    That is "probabilities" behind a softmax or sigmoid, else "logits".
    """
    outputs = functional(model).outputs
    if len(outputs) > 1:
        return [x.name.split(":")[0] for x in outputs]
    last = next(node for node in nodes(model) if any(x is outputs[0] for x in node.outputs))
    layer = last.operation
    if isinstance(layer, keras.Model):
        return output_names(layer)
    likely = isinstance(layer, keras.layers.Softmax) or getattr(layer, "activation", None) in (
        keras.activations.softmax, keras.activations.sigmoid,
    )  # fmt: skip
    return ["probabilities" if likely else "logits"]

"""tensorflow-model-optimization (tfmot) for Keras 3 models: quantization-aware training.

A model goes to tf_keras, is wrapped and trained there, and comes back. What tfmot decides is how
weights are rounded. *Where* to round is decided as for the native engine: the
layout rules of tfmot leave weights unrounded where a ReLU follows a convolution without batch
normalization, and know neither Multiply nor pooling that keeps its input's scale.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from kerascnn.models.graph import nodes

from ..conversion.freeze import without_variables
from ..conversion.tflite import write_tflite
from ..integer_form.rewrite import integer_form
from ..quantization.fake_quant import FakeQuant
from ..quantization.placement import ABSORBED, WATCHED, roundings, shared_ranges
from ..quantization.quantizer import quantized_model as quantize_natively
from ..quantization.rules import refuse_unknown
from .bridge import from_tf_keras, to_tf_keras
from .extra import TFMOT, import_extra
from .internals import quantized_weights


def quantize(model: keras.Model, batches: Iterable[Any]) -> "Simulation":
    """Rebuilds a model for tfmot's quantization-aware training, ranges set by calibration.

    Zeros stay zeros and kernels of few values keep them: after pruning this is what tfmot calls
    PQAT, after clustering CQAT, after both PCQAT.

    Args:
        model: functional or sequential Keras 3 model; takes raw pixels, 0..255.
        batches: of raw pixels, to set the ranges of the activations by.

    Returns:
        A `Simulation`.

    Raises:
        UserError: tfmot is missing, or has no rule for a layer; it is named.
    """
    tf_keras = import_extra("tf_keras")
    tfmot = import_extra(TFMOT).quantization.keras
    placement = import_extra(".placement")
    tf_keras_layers = import_extra(".tf_keras_layers")
    form = integer_form(model)
    source = to_tf_keras(form)
    rounded = roundings(form)
    outputs = {}
    for node in nodes(form):
        refuse_unknown(node.operation)
        name = node.operation.name  # tfmot has one range for all calls of a shared layer
        how = rounded[id(node)]
        outputs[name] = outputs.get(name) or (WATCHED if how == ABSORBED else how)

    def annotate(layer):
        if isinstance(layer, tf_keras.layers.Rescaling):
            return tf_keras_layers.RoundedRescaling.from_config(layer.get_config())
        return tfmot.quantize_annotate_layer(layer)

    with tfmot.quantize_scope():
        annotated = tf_keras.models.clone_model(source, clone_function=annotate)
        trainable = tfmot.quantize_apply(
            annotated, placement.Scheme(outputs), quantized_layer_name_prefix=""
        )
    placement.freeze_what_was_frozen(trainable)
    simulation = Simulation(trainable, form)
    simulation.calibrate(source, batches)
    return simulation


@dataclass(frozen=True)
class Simulation:
    """A network whose int8 arithmetic tfmot simulates.

    model: a `tf_keras.Model`, raw pixels -> logits; compile and fit it. form: the Keras 3 model it
    stands for, its weights as before the training.
    """

    model: Any
    form: keras.Model

    def calibrate(self, source: Any, batches: Iterable[Any]) -> None:
        """Sets every range: of activations to the extremes that the float model `source` meets."""
        import tensorflow as tf

        tf_keras = import_extra("tf_keras")
        watched = {layer.name: ends for layer in self.model.layers if (ends := output_range(layer))}
        tensors = [source.get_layer(name).output for name in watched]
        observe = tf_keras.Model(source.inputs, tensors)

        @tf.function(autograph=False)
        def extremes(images):
            seen = tf.nest.flatten(observe(images, training=False))
            return [(tf.reduce_min(x), tf.reduce_max(x)) for x in seen]

        found = np.zeros((len(watched), 2))  # every range holds zero, which padding needs exactly
        for images in batches:
            low, high = np.array([[v.numpy() for v in pair] for pair in extremes(images)]).T
            found = np.stack([np.minimum(found[:, 0], low), np.maximum(found[:, 1], high)], 1)
        for (minimum, maximum), (low, high) in zip(watched.values(), found, strict=True):
            minimum.assign(low)
            maximum.assign(high)
        self.fit_ranges()

    def fit_ranges(self) -> None:
        """Sets the ranges of the weights to what the weights are; a step of training leaves them
        at what the weights were before it. Ranges that are one in the file become one."""
        found = nodes(self.form)
        shared = shared_ranges(self.form, roundings(self.form))
        for group in {first.operation.name for first, _ in shared.values()}:
            ranges = [
                output_range(self.model.get_layer(node.operation.name))
                for node in found
                if id(node) in shared and shared[id(node)][0].operation.name == group
            ]
            for ends, hull in zip(zip(*ranges, strict=True), (min, max), strict=True):
                value = hull(end.numpy() for end in ends)
                for end in ends:
                    end.assign(value)
        for layer in self.model.layers:
            for weight, quantizer, variables in quantized_weights(layer):
                quantizer(weight, True, weights=variables)

    def to_keras(self) -> keras.Model:
        """The same simulation as a Keras 3 model, which every tool of kerascnn knows."""
        self.fit_ranges()
        model = quantize_natively(from_tf_keras(self.model, self.form))
        for layer in model.layers:
            if isinstance(layer, FakeQuant) and layer.fixed is None:
                name = layer.name.rpartition("_quant")[0]
                ends = output_range(self.model.get_layer(name))
                layer.set_range(*(value.numpy() for value in ends))
        return model

    def to_tflite(self, *, batch: int | None = 1) -> bytes:
        """The bytes of the int8 .tflite file, written from tfmot's own graph; see `to_tflite`."""
        self.fit_ranges()
        return write_tflite(_freeze(self.model, batch=batch), self.form.name, int8=True)


def output_range(layer: Any) -> Any:
    """The variables (minimum, maximum) of a watched output of tfmot's wrapper, or None."""
    found = {w.name.split("/")[-1]: w for w in layer.weights}
    names = ("output_min:0", "output_max:0")
    return tuple(found[name] for name in names) if names[0] in found else None


def _freeze(model, *, batch):
    """Freezes the inference of a tf_keras model that tfmot simulates int8 in; see `freeze`."""
    import tensorflow as tf

    RoundedRescaling = import_extra(".tf_keras_layers").RoundedRescaling
    ends = [layer for layer in model.layers if isinstance(layer, RoundedRescaling)]
    signature = [
        tf.TensorSpec((batch, *x.shape[1:]), tf.float32, name=x.name) for x in model.inputs
    ]

    @tf.function(autograph=False)
    def inference(*images):
        return model(images[0] if len(images) == 1 else list(images), training=False)

    try:
        for layer in ends:
            layer.rescales = False
        concrete = inference.get_concrete_function(*signature)
    finally:
        for layer in ends:
            layer.rescales = True
    return without_variables(concrete)

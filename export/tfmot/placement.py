"""What tfmot asks for: a scheme that says how each layer is rounded.

Imported by the engine only: it needs the extra `tfmot`.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_model_optimization as tfmot
import tf_keras

from .internals import keep_from_training
from .tf_keras_layers import RoundedRescaling

quantizers = tfmot.quantization.keras.quantizers
default_8bit = tfmot.quantization.keras.default_8bit
combine = tfmot.experimental.combine

WEIGHTED = (
    tf_keras.layers.Conv2D,
    tf_keras.layers.DepthwiseConv2D,
    tf_keras.layers.Dense,
    tf_keras.layers.Conv2DTranspose,
)
SHARED_VALUES = 256  # int8 tells no more values apart; a kernel with more is not clustered


class Scheme(tfmot.quantization.keras.QuantizeScheme):
    """Rounds the weights as tfmot's schemes do, and the outputs as it is told.

    outputs: layer name -> None, "watched" or (low, high).
    """

    def __init__(self, outputs: dict[str, Any]) -> None:
        self.outputs = outputs

    def get_layout_transformer(self) -> Any:
        return _AsItIs()

    def get_quantize_registry(self) -> Any:
        return _Registry(self.outputs)


class _AsItIs(tfmot.quantization.keras.QuantizeLayoutTransform):
    """The layers are where they belong already."""

    def apply(self, model, layer_quantize_map):
        return model, layer_quantize_map


class _Registry(tfmot.quantization.keras.QuantizeRegistry):
    """Gives tfmot the config of a layer."""

    def __init__(self, outputs):
        self.outputs = outputs

    def supports(self, layer):
        return not isinstance(layer, RoundedRescaling)

    def get_quantize_config(self, layer):
        weights = None
        if type(layer) in WEIGHTED:
            weights = _weights_registry(layer).get_quantize_config(layer)
            weights.activation_attrs = []
            if isinstance(layer, tf_keras.layers.DepthwiseConv2D):
                weights.weight_quantizer = DepthwiseWeightsQuantizer()
        return LayerConfig(weights, self.outputs.get(layer.name))


def _weights_registry(layer):
    """tfmot's registry for the weights of a layer: one that keeps what pruning and clustering did.

    A new one for each layer: their quantizers remember what they met.
    """
    scheme = default_8bit.Default8BitQuantizeScheme()
    if type(layer) in (tf_keras.layers.Conv2D, tf_keras.layers.Dense):
        kernel = layer.kernel.numpy()
        values, zeros = kernel[kernel != 0], bool((kernel == 0).any())
        kinds = np.unique(values).size
        if 1 < kinds <= min(SHARED_VALUES, values.size // 2):
            scheme = combine.Default8BitClusterPreserveQuantizeScheme(preserve_sparsity=zeros)
        elif zeros:
            scheme = combine.Default8BitPrunePreserveQuantizeScheme()
    return scheme.get_quantize_registry()


class DepthwiseWeightsQuantizer(quantizers.LastValueQuantizer):
    """A scale for each channel, as TFLite has it; tfmot's own has one a tensor.

    Kernels are (height, width, channels, multiplier).
    """

    def __init__(self) -> None:
        super().__init__(num_bits=8, per_axis=True, symmetric=True, narrow_range=True)

    def build(self, tensor_shape: Sequence[Any], name: str, layer: Any) -> dict[str, Any]:
        channels = (tensor_shape[-2] * tensor_shape[-1],)
        ends = {}
        for end, value in (("min", -6.0), ("max", 6.0)):
            start = tf_keras.initializers.Constant(value)
            ends[f"{end}_var"] = layer.add_weight(
                f"{name}_{end}", shape=channels, initializer=start, trainable=False
            )
        return ends

    def __call__(self, inputs, training, weights, **kwargs):
        flat = tf.reshape(inputs, (*inputs.shape[:-2], 1, -1))
        return tf.reshape(super().__call__(flat, training, weights, **kwargs), inputs.shape)


class LayerConfig(tfmot.quantization.keras.QuantizeConfig):
    """How a layer is rounded.

    weights: a config of tfmot's that rounds the weights, or None. output: None, "watched", or
    (low, high).
    """

    def __init__(self, weights: Any, output: Any) -> None:
        self.weights, self.output = weights, output

    def get_weights_and_quantizers(self, layer: Any) -> list[Any]:
        return self.weights.get_weights_and_quantizers(layer) if self.weights else []

    def set_quantize_weights(self, layer: Any, quantize_weights: Sequence[Any]) -> None:
        if self.weights:
            self.weights.set_quantize_weights(layer, quantize_weights)

    def get_activations_and_quantizers(self, layer: Any) -> list[Any]:
        return []

    def set_quantize_activations(self, layer: Any, quantize_activations: Sequence[Any]) -> None:
        pass

    def get_output_quantizers(self, layer: Any) -> list[Any]:
        if self.output is None:
            return []
        if self.output == "watched":
            return [quantizers.MovingAverageQuantizer(8, False, False, False)]
        return [quantizers.FixedQuantizer(8, *self.output, narrow_range=False)]

    def get_config(self) -> dict[str, Any]:
        return {"weights": self.weights and self.weights.get_config(), "output": self.output}


def freeze_what_was_frozen(model: Any) -> None:
    """tfmot's wrapper trains the weights of a layer that is not trainable; stop it. In place."""
    for layer in model.layers:
        inner = getattr(layer, "layer", None)
        if inner is not None and not inner.trainable:
            keep_from_training(layer)

"""From a quantized model back to the float one it was made from."""

import keras
import numpy as np
from keras import layers, ops

from kerascnn.errors import UserError
from kerascnn.layers import SpatiallySeparableConv2D
from kerascnn.models.graph import canonical_pairs, kernel_variable

from ..integer_form.absorbed_scalings import absorbed_scalings, scaled
from ..integer_form.composites import composite_weights
from ..integer_form.operations import FIRST
from .quantized_layers import QuantizedKernel

SEPARABLE = (layers.SeparableConv1D, layers.SeparableConv2D, SpatiallySeparableConv2D)


def weights_back(simulated: keras.Model, model: keras.Model) -> keras.Model:
    """Writes the weights that a quantized model was trained to into its float model. In place.

    They are the float values behind the rounding, so the training of the float model, or another
    quantization of it, can go on from them.

    Args:
        simulated: what `quantize(model)` gave, trained since.
        model: the same model, or one of the same layers.

    Returns:
        `model`.

    Raises:
        UserError: a layer with weights that the quantized model lacks, or has in another shape.
    """
    found = {layer.name: layer for layer in simulated.layers}
    flat, pairs = canonical_pairs(model)
    _, factors = absorbed_scalings(flat)
    for layer, copy in pairs:
        if not layer.weights or isinstance(layer, layers.Normalization):
            continue  # a normalization by constants is not trained
        parts = [*(copy.name + end for end in FIRST), copy.name]
        if not isinstance(layer, SEPARABLE):
            parts = parts[-1:]
        values = [v for name in parts if name in found for v in _float_weights(found[name])]
        values = composite_weights(layer, values)
        if copy.name in factors:
            values = scaled(layer, values, 1 / factors[copy.name])
        wanted = layer.get_weights()
        sizes = [np.size(v) for v in values[: len(wanted)]]
        if sizes != [np.size(v) for v in wanted]:
            raise UserError(
                f"{layer.name}: the quantized model has no such layer with weights of these "
                f"shapes; expected one made of {model.name}"
            )
        layer.set_weights([v.reshape(w.shape) for v, w in zip(values, wanted, strict=False)])
    return model


def _float_weights(layer):
    """The weights of a layer as they stand in the float model; a few may follow them."""
    if isinstance(layer, QuantizedKernel):
        return [
            ops.convert_to_numpy(v) for v in (kernel_variable(layer), layer.bias) if v is not None
        ]
    return layer.get_weights()

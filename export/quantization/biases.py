"""Biases on the grid of the integer kernels.

An int8 kernel adds its bias as an int32 in steps of (input scale x weight scale). The simulation
adds a float. The difference, half a step at most, turns the rounding of about one activation in a
thousand, and a deep network spreads that until outputs are whole steps away. So the trained model
gets biases that int32 can hold exactly: it changes by less than what training resolves, and the
file then computes what the simulation computes.
"""

from typing import Any

import keras
import numpy as np
from keras import ops

from kerascnn.errors import UserError
from kerascnn.models.graph import consumers, kernel_variable, nodes

from .folded_normalization import normalization_behind
from .quantized_layers import (
    FakeQuant,
    QuantizedKernel,
    along_kernel,
    scaled_last,
)

MOST_STEPS = 2**31 - 1


def settle_biases(model: keras.Model) -> None:
    """Moves each bias of a calibrated simulation to the nearest multiple of its step. In place.

    The bias is the layer's own, or the beta of the batch normalization that is folded into it.

    Raises:
        UserError: a bias that no int32 holds, since what goes into its layer has no range.
    """
    consumers_of = consumers(model)
    scales = {}
    for node in nodes(model):
        layer, output = node.operation, node.outputs[0]
        if isinstance(layer, FakeQuant):
            low, high = (float(ops.convert_to_numpy(v)) for v in (layer.minimum, layer.maximum))
            scales[id(output)] = (high - low) / 255
            continue
        scale = scales.get(id(node.input_tensors[0])) if len(node.input_tensors) == 1 else None
        if scale is None:
            continue
        if isinstance(layer, QuantizedKernel) and layer.rounds:
            folded = normalization_behind(node, consumers_of)
            _settle(layer, folded and folded.operation, scale)
        elif not isinstance(layer, QuantizedKernel):
            scales[id(output)] = scale  # padding, pooling and the like keep it


def _settle(layer, normalization, input_scale):
    step = input_scale * weight_scales(layer)
    bias = layer.bias if layer.use_bias else None
    if normalization is None:
        if bias is not None:
            steps = np.rint(ops.convert_to_numpy(bias) / step)
            _refuse_beyond_int32(layer, steps, input_scale)
            bias.assign(steps * step)
        return
    mean, variance = (
        ops.convert_to_numpy(v).astype("float64")
        for v in (normalization.moving_mean, normalization.moving_variance)
    )
    gain = 1 / np.sqrt(variance + normalization.epsilon)
    if normalization.scale:
        gain = gain * ops.convert_to_numpy(normalization.gamma)
    if not normalization.center:
        return
    beta = ops.convert_to_numpy(normalization.beta).astype("float64")
    inner = ops.convert_to_numpy(bias).astype("float64") if bias is not None else 0.0
    whole = (inner - mean) * gain + beta
    _refuse_beyond_int32(layer, whole / step, input_scale)
    normalization.beta.assign(beta + np.rint(whole / step) * step - whole)


def _refuse_beyond_int32(layer, steps, input_scale):
    """UserError where a bias, in steps of its integer kernel, is none that an int32 holds."""
    if np.abs(steps).max(initial=0) <= MOST_STEPS:
        return
    raise UserError(
        f"{layer.name}: its bias is {np.abs(steps).max():.3g} steps of input times weight, more "
        f"than the {MOST_STEPS} that int32 holds: what goes into it spans {255 * input_scale:.3g}, "
        "which is no range; train the layers in front, or load their weights"
    )


def weight_scales(layer: Any) -> np.ndarray:
    """The step of a quantized kernel, with what is folded into it: a number, or one a channel."""
    kernel = ops.convert_to_numpy(kernel_variable(layer)).astype("float64")
    if layer.gain is not None:
        gain = along_kernel(layer, layer.gain(), kernel)
        kernel = kernel * ops.convert_to_numpy(gain).astype("float64")
    shape = scaled_last(layer, kernel)
    largest = np.abs(kernel) if shape is None else np.abs(kernel).reshape(-1, shape[-1])
    largest = largest.max() if shape is None else largest.max(0)
    return np.where(largest > 0, largest, 1.0) / 127  # of zeros, any step will do

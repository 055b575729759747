"""Constants times and plus a tensor, as layers that int8 has kernels for. They are not trained."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import layers

from kerascnn.errors import UserError


def affine(x: keras.KerasTensor, scale: Any, offset: Any, name: str) -> keras.KerasTensor:
    """scale x + offset as a 1x1 depthwise convolution that is not trained.  (..., C) -> same"""
    channels = x.shape[-1]
    convolution = layers.DepthwiseConv2D(1, use_bias=bool(np.any(offset)), name=name)
    y = on_image(convolution, x, name)
    kernel, bias = (np.broadcast_to(v, channels) for v in (scale, offset))
    kernel = kernel.reshape(1, 1, channels, 1)
    convolution.set_weights([kernel, bias] if convolution.use_bias else [kernel])
    convolution.trainable = False
    return y


def identity(x: keras.KerasTensor, number: int, name: str) -> keras.KerasTensor:
    """x through a 1x1 depthwise convolution of ones, which gives it a scale of its own.

    number: no two of a network the same. TFLite's converter merges equal constants, then what
    computes with them, and folds a normalization into all of them at once. So no two of these
    kernels are equal: in the last bits they spell a number.
    """
    spelled = number >> np.arange(x.shape[-1]) & 1
    ones = np.where(spelled, np.nextafter(np.float32(1), np.float32(2)), np.float32(1))
    return affine(x, ones, 0.0, name)


def absorbed(x: keras.KerasTensor, scale: Any, offset: Any, name: str) -> keras.KerasTensor:
    """scale x + offset as a normalization that the kernel in front takes in.  (..., C) -> same"""
    channels = x.shape[-1]
    normalization = layers.BatchNormalization(name=name)
    y = normalization(x)
    gamma, beta = (np.broadcast_to(np.float32(v), channels) for v in (scale, offset))
    variance = np.full(channels, 1 - normalization.epsilon, "float32")
    normalization.set_weights([gamma, beta, np.zeros_like(beta), variance])
    normalization.trainable = False
    return y


def on_image(
    compute: Callable[[keras.KerasTensor], keras.KerasTensor], x: keras.KerasTensor, name: str
) -> keras.KerasTensor:
    """Calls `compute` with x, or with an image that a vector or a sequence x is made into."""
    if len(x.shape) == 4:
        return compute(x)
    if len(x.shape) > 4:
        raise UserError(
            f"{name}: int8 normalizes images, sequences and vectors, got a tensor of shape "
            f"{x.shape}; leave it float: exclude {name!r}"
        )
    shape = (1, -1 if len(x.shape) == 3 else 1, x.shape[-1])
    y = compute(layers.Reshape(shape, name=f"{name}_image")(x))
    return layers.Reshape((*x.shape[1:-1], y.shape[-1]), name=f"{name}_back")(y)

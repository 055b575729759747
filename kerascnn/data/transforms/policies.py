"""Policies: operations drawn from one list of fourteen, the list of RandAugment.

Its operations take a strength from 0 to 1. Where the pictures of the papers are PIL's, so are the
definitions: contrast pulls to the mean grey level, sharpness away from a 3x3 smoothing.
"""

import math
from typing import Any

from kerascnn.data.transforms.affine import moved
from kerascnn.data.transforms.colour import blended, brightness, contrast, saturation

MOST_MAGNITUDE = 30  # of RandAugment; TrivialAugment draws from 0 to it
OUTSIDE = 128.0  # what comes in from outside the picture
# The reach of operations at strength 1: RandAugment's, and TrivialAugment's wide ones.
NARROW = {"angle": 30.0, "slope": 0.3, "shift": 0.45, "factor": 0.9, "bits": 4}
WIDE = {"angle": 135.0, "slope": 0.99, "shift": 32.0, "factor": 0.99, "bits": 6}


def random_augment(image: Any, argument: Any, numbers: Any, shape: Any) -> Any:
    """argument.layers operations, drawn with replacement, all of one magnitude."""
    strength = argument.magnitude / MOST_MAGNITUDE
    for layer in range(argument.layers):
        drawn = numbers[2 * layer : 2 * layer + 2]
        image = _drawn(image, drawn[0], strength, drawn[1], NARROW)
    return image


def trivial_augment(image: Any, _: Any, numbers: Any, shape: Any) -> Any:
    """One operation of a drawn strength: TrivialAugment's wide list."""
    import tensorflow as tf

    strength = tf.floor(numbers[1] * (MOST_MAGNITUDE + 1)) / MOST_MAGNITUDE
    return _drawn(image, numbers[0], strength, numbers[2], WIDE)


def _drawn(image, choice, strength, side, reach):
    """One of fourteen operations; `side` below one half turns those that have two directions."""
    import tensorflow as tf

    pixels = tf.cast(image, tf.float32)
    if reach is WIDE:
        shift = tf.fill([2], reach["shift"])
    else:
        shift = reach["shift"] * tf.cast(tf.shape(image)[1::-1], tf.float32)
    signed = tf.where(side < 0.5, -1.0, 1.0) * strength
    factor = 1 + reach["factor"] * signed
    angle = signed * reach["angle"] * math.pi / 180
    slope, flat = signed * reach["slope"], (1.0, 0.0)

    def affine(matrix, along=(0.0, 0.0)):
        return lambda: moved(pixels, matrix, along, OUTSIDE)

    ways = [
        lambda: pixels,
        lambda: autocontrast(pixels),
        lambda: equalize(pixels),
        affine([[tf.cos(angle), -tf.sin(angle)], [tf.sin(angle), tf.cos(angle)]]),
        lambda: solarize(pixels, 256 * (1 - strength)),
        lambda: saturation(pixels, factor),
        lambda: posterize(pixels, 8 - tf.round(strength * reach["bits"])),
        lambda: contrast(pixels, factor),
        lambda: brightness(pixels, factor),
        lambda: sharpness(pixels, factor),
        affine([(1.0, slope), (0.0, 1.0)]),
        affine([flat, (slope, 1.0)]),
        affine([flat, (0.0, 1.0)], (signed * shift[0], 0.0)),
        affine([flat, (0.0, 1.0)], (0.0, signed * shift[1])),
    ]
    made = tf.switch_case(tf.cast(choice * len(ways), tf.int32), ways)
    return tf.ensure_shape(made, image.shape)


def autocontrast(pixels: Any) -> Any:
    """Stretches each channel to 0..255; one of a single level stays."""
    import tensorflow as tf

    low = tf.reduce_min(pixels, [0, 1], keepdims=True)
    span = tf.reduce_max(pixels, [0, 1], keepdims=True) - low
    return tf.where(span > 0, (pixels - low) * tf.math.divide_no_nan(255.0, span), pixels)


def equalize(pixels: Any) -> Any:
    """Each channel with its 256 levels as equally frequent as they can be.

    A channel of fewer than 255 pixels beside those of its highest level stays, as PIL leaves it.
    """
    import tensorflow as tf

    levels = tf.cast(tf.round(pixels), tf.int32)
    channels = []
    for channel in tf.unstack(levels, pixels.shape[2], -1):
        counts = tf.math.bincount(channel, minlength=256, maxlength=256)
        highest = tf.boolean_mask(counts, counts > 0)[-1]
        step = (tf.reduce_sum(counts) - highest) // 255
        divisor = tf.maximum(step, 1)
        table = (tf.cumsum(counts, exclusive=True) + divisor // 2) // divisor
        equalized = tf.gather(tf.clip_by_value(table, 0, 255), channel)
        channels.append(tf.where(step > 0, equalized, channel))
    return tf.cast(tf.stack(channels, -1), tf.float32)


def solarize(pixels: Any, threshold: Any) -> Any:
    """Inverts the pixels from a threshold on."""
    import tensorflow as tf

    return tf.where(pixels >= threshold, 255 - pixels, pixels)


def posterize(pixels: Any, bits: Any) -> Any:
    """Keeps so many of the eight bits of a pixel."""
    import tensorflow as tf

    step = 2.0 ** (8 - bits)
    return tf.floor(pixels / step) * step


def sharpness(pixels: Any, factor: Any) -> Any:
    """Away from, or towards, the picture that a 3x3 kernel smooths; the border stays."""
    import tensorflow as tf

    kernel = tf.constant([[1.0, 1, 1], [1, 5, 1], [1, 1, 1]]) / 13
    kernel = tf.tile(tf.reshape(kernel, [3, 3, 1, 1]), [1, 1, pixels.shape[2], 1])
    inner = tf.nn.depthwise_conv2d(pixels[None], kernel, [1, 1, 1, 1], "VALID")[0]
    height, width = tf.unstack(tf.shape(pixels)[:2])
    rows, columns = tf.range(height), tf.range(width)
    inside = ((rows > 0) & (rows < height - 1))[:, None] & ((columns > 0) & (columns < width - 1))
    smooth = tf.where(inside[..., None], tf.pad(inner, [[1, 1], [1, 1], [0, 0]]), pixels)
    return blended(pixels, smooth, factor)

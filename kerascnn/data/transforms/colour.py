"""Transforms of colours; positions stay. Results are clipped to 0..255."""

from typing import Any

import numpy as np

# Principal components of the RGB values, 0..1, of ImageNet's training images, as the code of
# AlexNet's authors (cuda-convnet2) and everybody after them use: eigenvalues (as deviations) and
# eigenvectors, a column each.
EIGENVALUES = np.array([0.2175, 0.0188, 0.0045], "float32")
EIGENVECTORS = np.array(
    [[-0.5675, 0.7192, 0.4009], [-0.5808, -0.0045, -0.8140], [-0.5836, -0.6948, 0.4203]], "float32"
)
GREY = (0.299, 0.587, 0.114)  # weights of red, green and blue in what the eye calls bright


def pca_colour(image: Any, deviation: Any, numbers: Any, shape: Any) -> Any:
    """Adds the principal components of ImageNet's colours, each times a drawn normal number.

    deviation: of these numbers, 0.1 in the paper. A grey image gets one number for its brightness.
    """
    import tensorflow as tf

    # Away from 0 and 1, where a normal number would be infinite.
    drawn = deviation * tf.math.ndtri(tf.clip_by_value(numbers, 1e-6, 1 - 1e-6))
    shift = 255 * tf.linalg.matvec(tf.constant(EIGENVECTORS), drawn * EIGENVALUES)
    if image.shape[2] == 1:
        shift = tf.reduce_mean(shift, keepdims=True)
    return clipped(tf.cast(image, tf.float32) + shift)


def colour_jitter(image: Any, argument: Any, numbers: Any, shape: Any) -> Any:
    """Brightness, contrast and saturation times drawn factors, in a drawn order; then hue."""
    import tensorflow as tf

    pixels = tf.cast(image, tf.float32)
    ways = (brightness, contrast, saturation)
    reaches = (argument.brightness, argument.contrast, argument.saturation)
    factors = [1 + reach * (2 * numbers[i] - 1) for i, reach in enumerate(reaches)]

    def in_order(order):
        def apply():
            made = pixels
            for i in order:
                if reaches[i]:
                    made = ways[i](made, factors[i])
            return made

        return apply

    orders = [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)]
    pixels = tf.switch_case(tf.cast(numbers[3] * 6, tf.int32), [in_order(o) for o in orders])
    if argument.hue and image.shape[2] == 3:
        turn = argument.hue * (2 * numbers[4] - 1)
        pixels = clipped(tf.image.adjust_hue(pixels / 255, turn) * 255)
    return tf.ensure_shape(pixels, image.shape)


def brightness(pixels: Any, factor: Any) -> Any:
    """Pixels, float32, times a factor."""
    return clipped(pixels * factor)


def contrast(pixels: Any, factor: Any) -> Any:
    """Distances from the mean grey level of the picture times a factor."""
    import tensorflow as tf

    return blended(pixels, tf.reduce_mean(grey(pixels)), factor)


def saturation(pixels: Any, factor: Any) -> Any:
    """Distances from the grey of each pixel times a factor; grey images stay."""
    return blended(pixels, grey(pixels), factor)


def blended(pixels: Any, other: Any, factor: Any) -> Any:
    """`other` where factor is 0, `pixels` where it is 1, beyond above 1."""
    return clipped(other + factor * (pixels - other))


def grey(pixels: Any) -> Any:
    """(..., 1): how bright the pixels are."""
    import tensorflow as tf

    if pixels.shape[-1] == 1:
        return pixels
    return tf.reduce_sum(pixels * tf.constant(GREY), -1, keepdims=True)


def clipped(pixels: Any) -> Any:
    """Pixels no lower than 0 and no higher than 255."""
    import tensorflow as tf

    return tf.clip_by_value(pixels, 0.0, 255.0)

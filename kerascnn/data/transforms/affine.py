"""Transforms that turn, lean or zoom a picture around its middle; what comes in is black."""

import math
from collections.abc import Sequence
from typing import Any


def rotation(image: Any, degrees: Any, numbers: Any, shape: Any) -> Any:
    """Turns by an angle drawn from -degrees to degrees."""
    import tensorflow as tf

    angle = _signed(numbers[0]) * degrees * math.pi / 180
    cosine, sine = tf.cos(angle), tf.sin(angle)
    return moved(image, [[cosine, -sine], [sine, cosine]])


def shear(image: Any, slope: Any, numbers: Any, shape: Any) -> Any:
    """Leans along both axes, each by a slope drawn from -slope to slope."""
    across, down = _signed(numbers[0]) * slope, _signed(numbers[1]) * slope
    return moved(image, [[1.0, across], [down, 1.0]])


def zoom(image: Any, factors: Any, numbers: Any, shape: Any) -> Any:
    """Scales by a factor drawn from factors.least to factors.most, in a frame of the same size."""
    import tensorflow as tf

    lower, upper = math.log(factors.least), math.log(factors.most)
    factor = tf.exp(lower + (upper - lower) * numbers[0])
    return moved(image, [[1 / factor, 0.0], [0.0, 1 / factor]])


def moved(image: Any, matrix: Any, shift: Sequence[Any] = (0.0, 0.0), fill: float = 0.0) -> Any:
    """The picture in which a place shows what stood at `matrix` x place + `shift` before.

    Args:
        image: (height, width, channels).
        matrix: 2 x 2, of (x, y) around the middle. shift: (x, y) in pixels.
        fill: the pixels from outside.
    """
    import tensorflow as tf

    height, width = tf.unstack(tf.cast(tf.shape(image)[:2], tf.float32))
    x, y = (width - 1) / 2, (height - 1) / 2
    (a, b), (c, d) = matrix
    offset_x = x - a * x - b * y + shift[0]
    offset_y = y - c * x - d * y + shift[1]
    parts = [a, b, offset_x, c, d, offset_y, 0.0, 0.0]
    made = tf.raw_ops.ImageProjectiveTransformV3(
        images=image[None],
        transforms=tf.stack([tf.cast(part, tf.float32) for part in parts])[None],
        output_shape=tf.shape(image)[:2],
        fill_value=fill,
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
    )
    return tf.ensure_shape(made[0], image.shape)


def _signed(number):
    return 2 * number - 1

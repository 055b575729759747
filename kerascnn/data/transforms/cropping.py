"""Transforms that take a part of an image, mirror it, or scale it as a whole.

On uint8 as long as nothing is interpolated: slices and reversals of bytes cost a quarter.
"""

import math
from typing import Any

from kerascnn.data.images import as_bytes

INCEPTION_TRIES = 10  # windows that are drawn; the first that lies in the image is taken
INCEPTION_DRAWS = 2 * INCEPTION_TRIES + 2


def flip(image: Any, _: Any, numbers: Any, shape: Any) -> Any:
    """Mirrors left and right with probability one half."""
    import tensorflow as tf

    mirrored = tf.cond(numbers[0] < 0.5, lambda: tf.reverse(image, [1]), lambda: image)
    return tf.ensure_shape(mirrored, image.shape)


def pad_crop(image: Any, margin: Any, numbers: Any, shape: Any) -> Any:
    """Pads by `margin` zeros and crops the size back at a random place."""
    import tensorflow as tf

    padded = tf.pad(image, [[margin, margin], [margin, margin], [0, 0]])
    corner = tf.cast(numbers * (2 * margin + 1), tf.int32)
    return _window(padded, corner[0], corner[1], *shape[:2])


def random_crop(image: Any, _: Any, numbers: Any, shape: Any) -> Any:
    """Crops the network's size at a random place; a smaller image is enlarged before."""
    import tensorflow as tf

    image = _large_enough(image, shape)
    free = tf.cast(tf.shape(image)[:2] - shape[:2] + 1, tf.float32)
    corner = tf.cast(numbers * free, tf.int32)
    return _window(image, corner[0], corner[1], *shape[:2])


def center_crop(image: Any, _: Any, numbers: Any, shape: Any) -> Any:
    """Crops the network's size from the middle; a smaller image is enlarged before."""
    import tensorflow as tf

    image = _large_enough(image, shape)
    corner = (tf.shape(image)[:2] - shape[:2]) // 2
    return _window(image, corner[0], corner[1], *shape[:2])


def resize_short(image: Any, side: Any, numbers: Any, shape: Any) -> Any:
    """Scales, bilinearly and with its aspect, so that the shorter side has `side` pixels."""
    import tensorflow as tf

    size = tf.shape(image)[:2]
    target = _scaled(size, tf.constant(side, tf.float32))
    return tf.image.resize(image, target, "bilinear")


def scale_jitter(image: Any, sides: Any, numbers: Any, shape: Any) -> Any:
    """Scales so that the shorter side has a number of pixels drawn from sides.least to .most."""
    import tensorflow as tf

    side = sides.least + tf.floor(numbers[0] * (sides.most - sides.least + 1))
    return tf.image.resize(image, _scaled(tf.shape(image)[:2], side), "bilinear")


def inception_crop(image: Any, argument: Any, numbers: Any, shape: Any) -> Any:
    """Crops a window of a drawn area and aspect and scales it to the network's size."""
    import tensorflow as tf

    top, left, height, width = inception_window(tf.shape(image)[:2], argument, numbers)
    window = _window(image, top, left, height, width)
    return tf.image.resize(window, shape[:2], "bilinear")


def inception_window(size: Any, argument: Any, numbers: Any) -> Any:
    """(top, left, height, width), int32, of a window of a drawn area and aspect.

    Args:
        size: (2,) int32, height and width of the image.
        argument: an `InceptionCrop`: shares of the area, drawn uniformly, and aspects, drawn
            uniformly in their logarithm.
        numbers: `INCEPTION_DRAWS` in [0, 1).

    Ten windows are drawn and the first that fits is taken; where none does, the largest one of a
    permitted aspect, in the middle.
    """
    import tensorflow as tf

    high, wide = tf.unstack(tf.cast(size, tf.float32))
    (least, most), (flat, long) = argument.scale, argument.ratio
    area = high * wide * (least + (most - least) * numbers[:INCEPTION_TRIES])
    lower, upper = math.log(flat), math.log(long)
    aspect = tf.exp(lower + (upper - lower) * numbers[INCEPTION_TRIES : 2 * INCEPTION_TRIES])
    heights, widths = tf.round(tf.sqrt(area / aspect)), tf.round(tf.sqrt(area * aspect))
    # At the end the window that always fits; argmax finds the first one that does.
    heights = tf.concat([tf.maximum(heights, 1), [tf.floor(tf.minimum(high, wide / flat))]], 0)
    widths = tf.concat([tf.maximum(widths, 1), [tf.floor(tf.minimum(wide, high * long))]], 0)
    fits = tf.concat([((heights <= high) & (widths <= wide))[:-1], [True]], 0)
    chosen = tf.argmax(tf.cast(fits, tf.int32))
    height, width = tf.maximum(heights[chosen], 1), tf.maximum(widths[chosen], 1)
    free = tf.stack([high - height + 1, wide - width + 1])
    drawn = tf.floor(numbers[2 * INCEPTION_TRIES :] * free)
    corner = tf.where(chosen == INCEPTION_TRIES, tf.floor((free - 1) / 2), drawn)
    return tf.unstack(tf.cast(tf.concat([corner, [height, width]], 0), tf.int32))


def _window(image, top, left, height, width):
    import tensorflow as tf

    return tf.slice(image, [top, left, 0], [height, width, image.shape[2]])


def _large_enough(image, shape):
    """The image, enlarged with its aspect where a side is shorter than the network's."""
    import tensorflow as tf

    size = tf.shape(image)[:2]
    factor = tf.reduce_max(tf.constant(shape[:2], tf.float32) / tf.cast(size, tf.float32))
    target = tf.maximum(tf.cast(tf.round(tf.cast(size, tf.float32) * factor), tf.int32), shape[:2])
    return tf.cond(
        factor > 1,
        lambda: as_bytes(tf.image.resize(image, target, "bilinear")),
        lambda: image,
    )


def _scaled(size, side):
    """Height and width, (2,) int32, once the shorter of `size` is `side` pixels long."""
    import tensorflow as tf

    size = tf.cast(size, tf.float32)
    return tf.cast(tf.round(size * side / tf.reduce_min(size)), tf.int32)

"""Cutout: a black square somewhere in the picture."""

from typing import Any


def cutout(image: Any, side: Any, numbers: Any, shape: Any) -> Any:
    """Blackens a square of `side` pixels around a drawn place; it may hang over the edge."""
    import tensorflow as tf

    size = tf.cast(tf.shape(image)[:2], tf.float32)
    start = tf.cast(numbers * size, tf.int32) - side // 2
    height, width = tf.unstack(tf.shape(image)[:2])
    rows, columns = tf.range(height), tf.range(width)
    inside = (
        ((rows >= start[0]) & (rows < start[0] + side))[:, None]
        & ((columns >= start[1]) & (columns < start[1] + side))[None]
    )[..., None]
    return tf.where(inside, tf.zeros((), image.dtype), image)

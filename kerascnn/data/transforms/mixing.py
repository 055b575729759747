"""Transforms that mix the images of a batch, each with the one before it, and their labels."""

from typing import Any, NamedTuple

MIDDLES = (0, 2)  # added to a seed: the stream that the middles of rectangles are drawn from


class Draw(NamedTuple):
    """What chance is drawn from.

    seed: (2,) int64. size: of the whole batch. places: (n,) int64, where in it the images stand.
    """

    seed: Any
    size: int
    places: Any


def mixup(images: Any, labels: Any, alpha: float, draw: Draw) -> Any:
    """Weighted means of two images; each pair draws its weight from Beta(alpha, alpha).

    Args:
        images: (n, height, width, channels) float32. labels: (n, classes) float32.
        alpha: near 0 one of the two remains, at 1 every weight is as likely.
        draw: of the batch.
    """
    weight = _beta(alpha, draw)
    pixels = weight[:, None, None, None]
    return (
        pixels * images + (1 - pixels) * _before(images),
        weight[:, None] * labels + (1 - weight[:, None]) * _before(labels),
    )


def cutmix(images: Any, labels: Any, alpha: float, draw: Draw) -> Any:
    """A rectangle out of another image; labels are weighted by what is seen of each.

    The share of the rectangle is 1 - Beta(alpha, alpha), its middle drawn uniformly, for each
    pair; what hangs over the edge is cut off, and the weights of the labels count that.
    """
    import tensorflow as tf

    side = tf.sqrt(1 - _beta(alpha, draw))
    middles = tf.random.stateless_uniform([2, draw.size], draw.seed + MIDDLES)
    middles = tf.gather(middles, draw.places, axis=1)

    def inside(length, middle):
        half, center = side[:, None] * length / 2, middle[:, None] * length
        places = tf.range(length, dtype=tf.float32) + 0.5
        return (places >= center - half) & (places < center + half)

    height, width = images.shape[1:3]
    mask = inside(height, middles[0])[:, :, None] & inside(width, middles[1])[:, None]
    kept = 1 - tf.reduce_mean(tf.cast(mask, tf.float32), [1, 2])[:, None]
    mixed = tf.where(mask[..., None], _before(images), images)
    return mixed, kept * labels + (1 - kept) * _before(labels)


def _before(values):
    """Batches are drawn by chance: the one before is as good a partner as any."""
    import tensorflow as tf

    return tf.roll(values, 1, 0)


def _beta(alpha, draw):
    """A number of Beta(alpha, alpha) for each image, (n,)."""
    import tensorflow as tf

    drawn = tf.random.stateless_gamma([2, draw.size], draw.seed, alpha)
    one, other = tf.unstack(tf.gather(drawn, draw.places, axis=1))
    # Below alpha = 0.1 both may underflow: then one of the two images remains.
    return tf.where(one + other > 0, one / (one + other), 1.0)

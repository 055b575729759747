"""Transforms that mix the images of a batch, each with the next one, and their labels alike."""


def mixup(images, labels, alpha, seed):
    """Weighted means of two images; the weight is drawn from Beta(alpha, alpha), one a batch.

    Args:
        images: (n, height, width, channels) float32. labels: (n, classes) float32.
        alpha: near 0 one of the two remains, at 1 every weight is as likely.
        seed: (2,) int64.
    """
    weight = _beta(alpha, seed)
    return (
        weight * images + (1 - weight) * _next(images),
        weight * labels + (1 - weight) * _next(labels),
    )


def cutmix(images, labels, alpha, seed):
    """A rectangle out of the next image; labels are weighted by what is seen of each.

    The share of the rectangle is 1 - Beta(alpha, alpha), one a batch, its middle drawn uniformly;
    what hangs over the edge is cut off, and the weights of the labels count that.
    """
    import tensorflow as tf

    height, width = images.shape[1:3]
    side = tf.sqrt(1 - _beta(alpha, seed))
    middle = tf.random.stateless_uniform([2], seed + tf.constant([0, 2], tf.int64))

    def inside(length, place):
        half, center = side * length / 2, place * length
        places = tf.range(length, dtype=tf.float32) + 0.5
        return (places >= center - half) & (places < center + half)

    mask = inside(height, middle[0])[:, None] & inside(width, middle[1])[None]
    kept = 1 - tf.reduce_mean(tf.cast(mask, tf.float32))
    mixed = tf.where(mask[None, ..., None], _next(images), images)
    return mixed, kept * labels + (1 - kept) * _next(labels)


def _next(values):
    """Batches are drawn by chance: the next one is as good a partner as any."""
    import tensorflow as tf

    return tf.roll(values, 1, 0)


def _beta(alpha, seed):
    import tensorflow as tf

    one, other = tf.unstack(tf.random.stateless_gamma([2], seed, alpha))
    return one / tf.maximum(one + other, 1e-30)

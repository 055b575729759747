"""Transforms that mix the images of a batch, each with the next one, and their labels alike."""

MIDDLES = (0, 2)  # added to a seed: the stream that the middles of rectangles are drawn from


def mixup(images, labels, alpha, seed):
    """Weighted means of two images; each pair draws its weight from Beta(alpha, alpha).

    Args:
        images: (n, height, width, channels) float32. labels: (n, classes) float32.
        alpha: near 0 one of the two remains, at 1 every weight is as likely.
        seed: (2,) int64.
    """
    weight = _beta(images, alpha, seed)
    pixels = weight[:, None, None, None]
    return (
        pixels * images + (1 - pixels) * _next(images),
        weight[:, None] * labels + (1 - weight[:, None]) * _next(labels),
    )


def cutmix(images, labels, alpha, seed):
    """A rectangle out of the next image; labels are weighted by what is seen of each.

    The share of the rectangle is 1 - Beta(alpha, alpha), its middle drawn uniformly, for each
    pair; what hangs over the edge is cut off, and the weights of the labels count that.
    """
    import tensorflow as tf

    side = tf.sqrt(1 - _beta(images, alpha, seed))
    middles = tf.random.stateless_uniform([2, tf.shape(images)[0]], seed + MIDDLES)

    def inside(length, middle):
        half, center = side[:, None] * length / 2, middle[:, None] * length
        places = tf.range(length, dtype=tf.float32) + 0.5
        return (places >= center - half) & (places < center + half)

    height, width = images.shape[1:3]
    mask = inside(height, middles[0])[:, :, None] & inside(width, middles[1])[:, None]
    kept = 1 - tf.reduce_mean(tf.cast(mask, tf.float32), [1, 2])[:, None]
    mixed = tf.where(mask[..., None], _next(images), images)
    return mixed, kept * labels + (1 - kept) * _next(labels)


def _next(values):
    """Batches are drawn by chance: the next one is as good a partner as any."""
    import tensorflow as tf

    return tf.roll(values, 1, 0)


def _beta(images, alpha, seed):
    """A number of Beta(alpha, alpha) for each image, (n,)."""
    import tensorflow as tf

    one, other = tf.unstack(tf.random.stateless_gamma([2, tf.shape(images)[0]], seed, alpha))
    # Below alpha = 0.1 both may underflow: then one of the two images remains.
    return tf.where(one + other > 0, one / (one + other), 1.0)

"""What part of the images each of several workers takes, where every image counts once."""

from typing import Any

import numpy as np

from kerascnn.data.splits import Split


def evaluation_batches(data: Any, split: Split, devices: int, part: tuple[int, int]) -> Any:
    """Batches of (images, labels, weights): a worker's part of a split, in its order.

    The last batch is filled up with images of weight 0, so that every device has as many, and the
    others weigh accordingly more: losses and weighted metrics are the means over all images.

    Args:
        data: the `Data` of the split. devices: of all workers. part: as of `parts_of`.
    """
    import tensorflow as tf

    size = data.config.batch_size
    size += -size % devices
    indices, weights = parts_of(len(split), size, devices, part)
    own = size // part[1]
    images = data.batches(split.take(indices), own)
    weighed = tf.data.Dataset.from_tensor_slices(weights).batch(own)
    return tf.data.Dataset.zip(images, weighed).map(lambda pair, weight: (*pair, weight))


def parts_of(
    count: int, batch: int, multiple: int, part: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Which of `count` images a worker takes, batch by batch, and what each weighs.

    Args:
        count: of images. batch: of all workers together. multiple: of which the last batch has to
            be one. part: (this worker, of how many).

    Returns:
        (indices, weights), (n,) each. Over all workers every index has weight once; together the
        weights are as many as there are entries.
    """
    padded = count + -count % multiple
    order = np.arange(padded)
    own, workers = part
    starts = range(0, padded, batch)
    mine = [np.array_split(order[start : start + batch], workers)[own] for start in starts]
    indices = np.concatenate(mine)
    weights = np.where(indices < count, padded / count, 0).astype(np.float32)
    return indices.clip(max=count - 1), weights

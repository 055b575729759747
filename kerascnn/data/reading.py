"""Images that are read one by one, from files or what is stored elsewhere: batches of a graph.

TensorFlow is imported inside the functions: the rest of the package runs without it.
"""

import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kerascnn.console import console
from kerascnn.data.augmentation import Chain
from kerascnn.data.headers import read_header
from kerascnn.data.images import decoded, upright
from kerascnn.data.splits import Split
from kerascnn.errors import UserError, printable

AT_A_TIME = 8  # images of a batch that are decoded side by side


def read_image(
    path: str | Path, shape: tuple[int, int, int], rule: str, transforms: Sequence[Any] = ()
) -> np.ndarray:
    """Reads one image file as an artifact wants it: (height, width, channels) uint8.

    Args:
        shape: (height, width, channels) of what is returned. rule: "stretch" or "pad".
        transforms: of `data.evaluate` of a config.

    Raises:
        UserError: no such file, one that is no image or a damaged one, or one of too many pixels.
    """
    import tensorflow as tf

    header, chain = read_header(path), Chain(transforms, shape, rule)
    try:
        encoded = tf.io.read_file(os.fsencode(path))
        pixels = chain.of_file(encoded, tf.constant(header.orientation), None).numpy()
    except tf.errors.OpError:
        raise UserError(
            f"{path}: a damaged {header.format} image, which cannot be decoded; get it anew"
        ) from None
    return np.rint(pixels).clip(0, 255).astype(np.uint8)


def read_whole_image(path: str | Path, channels: int) -> np.ndarray:
    """Reads one image file at its own size, upright: (height, width, channels) uint8.

    Raises:
        UserError: as `read_image`.
    """
    import tensorflow as tf

    header = read_header(path)
    try:
        encoded = tf.io.read_file(os.fsencode(path))
        return upright(decoded(encoded, channels), header.orientation).numpy()
    except tf.errors.OpError:
        raise UserError(
            f"{path}: a damaged {header.format} image, which cannot be decoded; get it anew"
        ) from None


def read_stored(split: Split, index: int, channels: int) -> np.ndarray:
    """Reads one image of a split that is `Stored`, at its own size: (height, width, channels).

    Raises:
        UserError: one that is corrupted.
    """
    import tensorflow as tf

    fetch = split.images.fetcher()
    try:
        found = fetch(tf.constant(index, tf.int64))
        if not split.images.encoded:
            return found.numpy()
        turn = 1 if split.orientations is None else split.orientations[index]
        return upright(decoded(found, channels), turn).numpy()
    except tf.errors.OpError:
        name = split.images.name(index)
        raise UserError(f"{name}: corrupted, it cannot be read or decoded") from None


class Corrupted:
    """The images that could not be read, up to as many as are allowed. Threads share it.

    allowed: images, each counted once; one more is a UserError that names it.
    """

    def __init__(self, allowed: int = 0) -> None:
        self.allowed, self.reasons = allowed, {}
        self._lock = threading.Lock()

    def add(self, name: str, reason: str) -> None:
        """Counts an image and says so; UserError where it is one too many."""
        with self._lock:
            known = name in self.reasons
            self.reasons[name] = reason
            count = len(self.reasons)
        if count > self.allowed:
            much = f" ({count:,} of them; data.skip_corrupted is {self.allowed:,})"
            raise UserError(printable(f"{reason}{much if self.allowed else ''}"))
        if not known:
            console.print(f"  skipped, {count:,} of at most {self.allowed:,}: {reason}")


def batch_reader(split: Split, chain: Chain, corrupted: Corrupted) -> Callable[[Any, Any], Any]:
    """Returns a function of a graph that reads images one by one and transforms each.

    It takes indices, (n,) int64, and numbers, (n, draws), and returns what was read of them,
    (images, (m, *shape) float32; places, (m,) int64, among the n). An image that cannot be read is
    left out as far as `corrupted` allows; beyond that the pipeline ends with an error that names it
    (`kerascnn.errors.raised_inside`).
    """
    import tensorflow as tf

    of_index = _of_index(split, chain)

    def complain(indices, places):
        for place in sorted({*range(len(indices))} - {*places.tolist()}):
            corrupted.add(*_damage(split, int(indices[place]), chain))
        if not len(places):
            raise UserError("not one image of a batch could be read; see those that were skipped")
        return True

    def load(indices, numbers):
        places = tf.range(tf.size(indices, tf.int64))
        images = tf.data.Dataset.from_tensor_slices((places, indices, numbers)).map(
            lambda place, index, drawn: (place, of_index(index, drawn)), AT_A_TIME
        )
        nothing = (tf.constant(-1, tf.int64), tf.zeros(chain.shape, tf.uint8))  # lest none is left
        images = tf.data.Dataset.from_tensors(nothing).concatenate(images.ignore_errors())
        count = tf.size(indices, tf.int64)
        read, pixels = images.batch(count + 1).get_single_element()
        whole = tf.cond(
            tf.size(read, tf.int64) > count,
            lambda: True,
            lambda: tf.numpy_function(complain, [indices, read[1:]], tf.bool),
        )
        with tf.control_dependencies([whole]):
            pixels = tf.cast(pixels[1:], tf.float32)
            return tf.ensure_shape(pixels, (None, *chain.shape)), read[1:]

    return load


def _of_index(split, chain):
    """A function of a graph: index, () int64, and its numbers -> an image of the chain's shape."""
    import tensorflow as tf

    if isinstance(split.images, np.ndarray):
        paths = tf.constant(split.images)

        def fetch(index):
            return tf.io.read_file(paths[index])
    else:
        fetch = split.images.fetcher()
        if not split.images.encoded:
            return lambda index, numbers: chain.of_pixels(fetch(index), numbers)
    orientations = np.ones(len(split)) if split.orientations is None else split.orientations
    turns = tf.constant(orientations, tf.int32)
    return lambda index, numbers: chain.of_file(fetch(index), turns[index], numbers)


def _damage(split, index, chain):
    """(name, what is wrong) of an image that could not be read."""
    if not isinstance(split.images, np.ndarray):
        name = split.images.name(index)
        return name, f"{name}: corrupted, it cannot be read or decoded"
    path = os.fsdecode(bytes(split.images[index]))
    try:
        read_image(path, chain.shape, "stretch")
    except UserError as error:  # the text passes through TensorFlow, which takes UTF-8 only
        return path, printable(str(error))
    return path, f"{path}: could not be decoded, perhaps for want of memory"

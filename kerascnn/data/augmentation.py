"""From an image as it is stored to one that the network takes: transforms and the resize rule.

Transforms that choose a size (`sizes` in their table) act on images of any size. The rule of the
config brings what comes out of them to the network's size, a fact where they already have it; the
other transforms follow there. Between two transforms an image is bytes: flips and crops of them
cost least, and what the network learns from is what an artifact will be given.
"""

from collections.abc import Sequence
from typing import Any

from kerascnn.data.images import (
    as_bytes,
    decoded,
    decoded_window,
    in_channels,
    resize,
    stored,
    upright,
)
from kerascnn.data.transforms import TRANSFORMS, mixing
from kerascnn.data.transforms.cropping import inception_window


class Chain:
    """The transforms of one image, one behind the other.

    Args:
        transforms: of a config; those that mix batches are not among them.
        shape: (height, width, channels) of the network's input. rule: "stretch" or "pad".
    """

    def __init__(self, transforms: Sequence[Any], shape: tuple[int, int, int], rule: str) -> None:
        self.shape, self.rule = shape, rule
        steps, start = [], 0
        for transform in transforms:
            row = TRANSFORMS[transform.name]
            end = start + row.draws(transform.argument)
            steps.append((row, transform, slice(start, end)))
            start = end
        self.draws = start
        sizing = [i + 1 for i, (row, *_) in enumerate(steps) if row.sizes]
        border = max(sizing, default=0)
        self.sizing, self.steps = steps[:border], steps[border:]

    def __bool__(self) -> bool:
        return bool(self.sizing or self.steps)

    def of_file(self, encoded: Any, orientation: Any, numbers: Any) -> Any:
        """The bytes of an image file -> uint8 pixels of the network's shape.

        Args:
            encoded: () string. orientation: EXIF's, () int32, 1 to 8.
            numbers: (draws,) uniform ones in [0, 1), or None where none is drawn.
        """
        import tensorflow as tf

        channels = self.shape[2]
        if self._crops_first:
            return tf.cond(
                tf.equal(orientation, 1),
                lambda: self._of_window(encoded, numbers),
                lambda: self._of_whole(encoded, orientation, numbers),
            )
        if self.sizing or self.rule == "pad":
            return self._of_whole(encoded, orientation, numbers)
        # Pixels are turned upright after they are made fewer: the same image for less. They are
        # made grey last of all, unrounded: so does an app by the contract of a file.
        size = tf.where(orientation > 4, self.shape[1::-1], self.shape[:2])
        colours = stored(encoded) if channels == 1 else decoded(encoded, channels)
        pixels = upright(tf.image.resize(colours, size, "bilinear"), orientation)
        return self._at_size(tf.ensure_shape(in_channels(pixels, channels), self.shape), numbers)

    def of_pixels(self, pixels: Any, numbers: Any) -> Any:
        """(height, width, channels) of any size, uint8 -> uint8 of the network's shape."""
        for row, transform, drawn in self.sizing:
            pixels = _applied(row, transform, pixels, numbers, drawn, self.shape)
        return self._at_size(resize(pixels, self.shape, self.rule), numbers)

    def of_batch(self, images: Any, numbers: Any) -> Any:
        """(n, height, width, channels) uint8, of one size -> (n, *shape) float32.

        numbers: (n, draws).
        """
        import tensorflow as tf

        if not self.sizing:
            images = resize(images, self.shape, self.rule)
        images = as_bytes(images)
        if self:
            images = tf.map_fn(
                lambda pair: self.of_pixels(*pair),
                (images, numbers),
                fn_output_signature=tf.TensorSpec(self.shape, tf.uint8),
            )
        return tf.ensure_shape(tf.cast(images, tf.float32), (None, *self.shape))

    @property
    def _crops_first(self):
        return bool(self.sizing) and self.sizing[0][1].name == "inception_crop"

    def _of_window(self, encoded, numbers):
        """As `_of_whole` of an upright file, of which only the window is decoded."""
        import tensorflow as tf

        (_, transform, drawn), *left = self.sizing
        pixels = decoded_window(
            encoded,
            lambda size: inception_window(size, transform.argument, numbers[drawn]),
            self.shape[2],
        )
        pixels = as_bytes(tf.image.resize(pixels, self.shape[:2], "bilinear"))
        for row, transform, drawn in left:
            pixels = _applied(row, transform, pixels, numbers, drawn, self.shape)
        return self._at_size(resize(pixels, self.shape, self.rule), numbers)

    def _of_whole(self, encoded, orientation, numbers):
        import tensorflow as tf

        pixels = upright(decoded(encoded, self.shape[2]), orientation)
        return self.of_pixels(tf.ensure_shape(pixels, [None, None, self.shape[2]]), numbers)

    def _at_size(self, pixels, numbers):
        import tensorflow as tf

        pixels = as_bytes(pixels)
        for row, transform, drawn in self.steps:
            pixels = _applied(row, transform, pixels, numbers, drawn, self.shape)
        return tf.ensure_shape(pixels, self.shape)


def _applied(row, transform, pixels, numbers, drawn, shape):
    numbers = None if numbers is None else numbers[drawn]
    return as_bytes(row.apply(pixels, transform.argument, numbers, shape))


def uniform_numbers(count: Any, draws: int, seed: int, step: Any) -> Any:
    """(count, draws) uniform numbers in [0, 1): those of a seed and a step, a row an image."""
    import tensorflow as tf

    key = tf.stack([tf.constant(seed, tf.int64), tf.cast(step, tf.int64)])
    return tf.random.stateless_uniform([count, draws], key)


def mixed(
    images: Any,
    labels: Any,
    transforms: Sequence[Any],
    seed: tuple[int, Any],
    size: int,
    places: Any,
) -> Any:
    """Mixes a batch by one of `transforms`, drawn where there are several.

    Args:
        images: (n, *shape) float32. labels: (n, classes) float32, one-hot.
        seed: of the training, and the step. size: of the whole batch, of which these images may be
            a part. places: (n,) int64, where they stand in it.

    Returns:
        (images, labels), of the same shapes.
    """
    import tensorflow as tf

    # Other streams than that of `uniform_numbers`; a seed is below 2**32.
    key = tf.stack([tf.constant(seed[0] + 2**40, tf.int64), tf.cast(seed[1], tf.int64)])
    draw = mixing.Draw(key, size, places)

    def way(transform):
        row = TRANSFORMS[transform.name]
        return lambda: row.apply(images, labels, transform.argument, draw)

    chosen = tf.random.stateless_uniform([], key + tf.constant([2**40, 0], tf.int64))
    made = tf.switch_case(tf.cast(chosen * len(transforms), tf.int32), [way(t) for t in transforms])
    return tf.ensure_shape(made[0], images.shape), tf.ensure_shape(made[1], labels.shape)

"""Shapes: pictures drawn on the fly, with the class, the box and the mask of what they show.

A picture is a pure function of a seed and its number. One of six shapes, of any size, turn, colour
and place, lies on a background of another colour, both under noise: what localization and
segmentation can be learned and tested on where no data can be fetched.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from kerascnn.data.splits import Source, Split
from kerascnn.errors import UserError

BACKGROUND = "background"  # a class of pixels
NAMES = ("circle", "ring", "square", "bar", "triangle", "cross")
LEAST, MOST = 0.12, 0.3  # of the shorter side: from the middle of a shape to its farthest point
CONTRAST = 60  # grey levels, at least, in one channel between shape and background
NOISE = 12.0  # grey levels, the deviation of it
COUNT = 6000


@dataclass(frozen=True)
class Picture:
    """image: (height, width, 3) uint8. label: () int32, an index into `NAMES`.

    box: (4,) float32, top, left, bottom, right in pixels, the last two exclusive.
    mask: (height, width) uint8, 1 where the shape is.
    """

    image: Any
    label: Any
    box: Any
    mask: Any


def draw(seed: int, number: Any, size: tuple[int, int]) -> Picture:
    """The picture of a number, () int64, of (height, width) pixels; in a graph or out of it."""
    import tensorflow as tf

    height, width = size
    number = tf.cast(number, tf.int64)
    key = tf.stack([tf.constant(seed, tf.int64), number])
    label = tf.cast(number % len(NAMES), tf.int32)
    drawn = tf.unstack(tf.random.stateless_uniform([10], key))
    radius = (LEAST + (MOST - LEAST) * drawn[0]) * min(height, width)
    row = radius + drawn[1] * (height - 2 * radius)
    column = radius + drawn[2] * (width - 2 * radius)
    angle = 2 * math.pi * drawn[3]
    y = (tf.range(height, dtype=tf.float32) + 0.5 - row)[:, None] / radius
    x = (tf.range(width, dtype=tf.float32) + 0.5 - column)[None] / radius
    across = tf.cos(angle) * x + tf.sin(angle) * y
    down = tf.cos(angle) * y - tf.sin(angle) * x
    inside = tf.switch_case(label, [lambda way=way: way(across, down) for way in FORMS])
    inside = tf.ensure_shape(inside, size)
    paints = tf.stack([_background(drawn[4:7]), _paint(drawn[4:7], drawn[7:])])
    pixels = tf.gather(paints, tf.cast(inside, tf.int32))
    noise = NOISE * tf.random.stateless_normal([height, width, 3], key + 1)
    image = tf.cast(tf.round(tf.clip_by_value(pixels + noise, 0.0, 255.0)), tf.uint8)
    return Picture(image, label, _box(inside), tf.cast(inside, tf.uint8))


def _background(drawn):
    import tensorflow as tf

    return 255 * tf.stack(drawn)


def _paint(background, drawn):
    """A colour at least `CONTRAST` away from the background in each channel."""
    import tensorflow as tf

    reach = 256 - 2 * CONTRAST
    return tf.math.floormod(_background(background) + CONTRAST + reach * tf.stack(drawn), 256.0)


def _box(inside):
    import tensorflow as tf

    rows = tf.where(tf.reduce_any(inside, 1))[:, 0]
    columns = tf.where(tf.reduce_any(inside, 0))[:, 0]
    edges = [tf.reduce_min(rows), tf.reduce_min(columns)]
    edges += [tf.reduce_max(rows) + 1, tf.reduce_max(columns) + 1]
    return tf.cast(tf.stack(edges), tf.float32)


def _circle(x, y):
    return x**2 + y**2 < 1


def _ring(x, y):
    return (x**2 + y**2 < 1) & (x**2 + y**2 > 0.36)


def _square(x, y):
    return (abs(x) < 0.7071) & (abs(y) < 0.7071)


def _bar(x, y):
    return (abs(x) < 0.95) & (abs(y) < 0.3)


def _triangle(x, y):
    """Equilateral, its corners on the circle."""
    root = math.sqrt(3)
    return (y < 0.5) & (root * x - y < 1) & (-root * x - y < 1)


def _cross(x, y):
    return ((abs(x) < 0.3) | (abs(y) < 0.3)) & (abs(x) < 0.95) & (abs(y) < 0.95)


FORMS = (_circle, _ring, _square, _bar, _triangle, _cross)


class Drawn:
    """Pictures of shapes that are drawn when they are asked for.

    numbers: (n,) int64. size: (height, width).
    """

    encoded = False

    def __init__(self, numbers: np.ndarray, size: tuple[int, int], seed: int) -> None:
        self.numbers, self.size, self.seed = numbers, size, seed

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, indices: np.ndarray) -> "Drawn":
        return Drawn(self.numbers[indices], self.size, self.seed)

    def fetcher(self) -> Callable[[Any], Any]:
        """A function of a graph: index, () int64 -> (height, width, 3) uint8."""
        import tensorflow as tf

        numbers = tf.constant(self.numbers)
        return lambda index: draw(self.seed, numbers[index], self.size).image

    def mask_fetcher(self) -> Callable[[Any], Any]:
        """A function of a graph: index, () int64 -> the class of each pixel, (height, width) int32:
        0 is the background, n + 1 the shape n of `NAMES`."""
        import tensorflow as tf

        numbers = tf.constant(self.numbers)

        def fetch(index):
            drawn = draw(self.seed, numbers[index], self.size)
            return tf.cast(drawn.mask, tf.int32) * (drawn.label + 1)

        return fetch

    def name(self, index: int) -> str:
        return f"shape {self.numbers[index]}"


def shapes(
    size: tuple[int, int] | None,
    count: int | None = None,
    seed: int = 0,
    *,
    masks: bool = False,
) -> Source:
    """`count` pictures of shapes to train on, 6,000 by default, and a fifth as many to test on.

    masks: whether the class of each pixel is learned; the first class is then the background.
    """
    if size is None:
        raise UserError("data.size is missing: shapes need one, as [64, 64]")
    if min(size) < 16:
        raise UserError(f"data.size: shapes need 16 pixels a side at least, got {min(size)}")
    count = count or COUNT
    if count < 2 * len(NAMES):
        raise UserError(f"data.images: expected {2 * len(NAMES)} shapes at least, got {count}")
    numbers = np.arange(count + max(len(NAMES), count // 5))
    names = (BACKGROUND, *NAMES) if masks else NAMES
    labels = (numbers % len(NAMES) + (len(names) - len(NAMES))).astype(np.int32)
    whole = Split(Drawn(numbers, size, seed), labels)
    return Source(whole.take(numbers[:count]), whole.take(numbers[count:]), names, (*size, 3))

"""Pixels of image files: decoded, upright, of a size, in as many channels as a network takes.

TensorFlow is imported inside the functions: the rest of the package runs without it.
"""

from collections.abc import Callable, Sequence
from typing import Any


def stored(encoded: Any) -> Any:
    """The pixels of an image file, (height, width, 1 to 4) uint8, as they are stored in it."""
    import tensorflow as tf

    pixels = tf.io.decode_image(encoded, expand_animations=False)
    pixels.set_shape([None, None, None])
    return pixels


def decoded(encoded: Any, channels: int) -> Any:
    """The pixels of an image file, (height, width, channels) uint8.

    Grey is made of the colours here, as an app makes it: a JPEG's own brightness is another one.
    """
    import tensorflow as tf

    if channels == 1:
        return in_channels(stored(encoded), 1)
    return tf.cond(
        tf.io.is_jpeg(encoded),
        lambda: tf.io.decode_jpeg(encoded, channels),
        lambda: in_channels(stored(encoded), channels),
    )


def decoded_window(encoded: Any, window: Callable[[Any], Sequence[Any]], channels: int) -> Any:
    """The pixels of a window of an upright image file.

    Of a JPEG only these are decoded, which takes a fraction of the time.

    Args:
        encoded: () string.
        window: height and width, (2,) int32 -> (top, left, height, width), int32.
    """
    import tensorflow as tf

    def part():
        size = tf.image.extract_jpeg_shape(encoded)[:2]
        kept = 0 if channels == 1 else channels  # 0: those that the file has
        pixels = tf.image.decode_and_crop_jpeg(encoded, tf.stack(window(size)), kept)
        return in_channels(pixels, channels)

    def whole():
        pixels = decoded(encoded, channels)
        top, left, height, width = window(tf.shape(pixels)[:2])
        return tf.slice(pixels, [top, left, 0], [height, width, channels])

    pixels = tf.cond(tf.io.is_jpeg(encoded), part, whole)
    return tf.ensure_shape(pixels, [None, None, channels])


def in_channels(pixels: Any, channels: int) -> Any:
    """Pixels of a file's 1 to 4 channels in 1 or 3; an opacity behind them is dropped."""
    import tensorflow as tf

    def grey():
        return pixels[..., :1] if channels == 1 else tf.repeat(pixels[..., :1], 3, -1)

    def colored():
        color = tf.ensure_shape(pixels[..., :3], [None, None, 3])
        if channels == 3:
            return color
        grey = tf.image.rgb_to_grayscale(tf.cast(color, tf.float32))
        return as_bytes(grey) if pixels.dtype == tf.uint8 else grey

    made = tf.cond(tf.shape(pixels)[-1] < 3, grey, colored)
    return tf.ensure_shape(made, [None, None, channels])


def upright(pixels: Any, orientation: Any) -> Any:
    """Turns (height, width, channels) as EXIF's orientation, 1 to 8, says it was held."""
    import tensorflow as tf

    def turned(transposed, *axes):
        def turn():
            made = tf.transpose(pixels, [1, 0, 2]) if transposed else pixels
            return tf.reverse(made, axes) if axes else made

        return turn

    rows, columns = 0, 1
    ways = [
        turned(False),
        turned(False, columns),
        turned(False, rows, columns),
        turned(False, rows),
        turned(True),
        turned(True, columns),
        turned(True, rows, columns),
        turned(True, rows),
    ]
    return tf.switch_case(tf.cast(orientation, tf.int32) - 1, ways)


def as_bytes(pixels: Any) -> Any:
    """Pixels rounded to uint8, as files and artifacts have them; a quarter of the memory."""
    import tensorflow as tf

    if pixels.dtype == tf.uint8:
        return pixels
    return tf.cast(tf.round(pixels), tf.uint8)


def resize(images: Any, shape: tuple[int, int, int], rule: str) -> Any:
    """Brings (..., h, w, c) pixels to `shape` by the rule of the config, uint8 or float32."""
    import tensorflow as tf

    height, width = shape[:2]
    if images.shape[-3:-1] == (height, width):
        return images
    if rule == "pad":
        return tf.image.resize_with_crop_or_pad(images, height, width)
    return tf.image.resize(images, (height, width), "bilinear")

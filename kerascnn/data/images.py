"""Image files: pixels of the network's size, upright, in as many channels as it takes.

TensorFlow is imported inside the functions: the rest of the package runs without it.
"""

import os

import numpy as np

from kerascnn.data.headers import read_header
from kerascnn.errors import UserError, printable

AT_A_TIME = 8  # images of a batch that are decoded side by side


def read_image(path, shape, rule):
    """Reads one image file as an artifact wants it: (height, width, channels) uint8.

    Raises:
        UserError: no such file, one that is no image or a damaged one, or one of too many pixels.
    """
    import tensorflow as tf

    header = read_header(path)
    try:
        pixels = decode(os.fsencode(path), header.orientation, shape, rule).numpy()
    except tf.errors.OpError:
        raise UserError(
            f"{path}: a damaged {header.format} image, which cannot be decoded; get it anew"
        ) from None
    return np.rint(pixels).clip(0, 255).astype(np.uint8)


def read_whole_image(path, channels: int) -> np.ndarray:
    """Reads one image file at its own size, upright: (height, width, channels) uint8.

    Raises:
        UserError: as `read_image`.
    """
    import tensorflow as tf

    header = read_header(path)
    try:
        pixels = tf.io.decode_image(tf.io.read_file(os.fsencode(path)), expand_animations=False)
        pixels = _in_channels(upright(pixels, header.orientation), channels)
    except tf.errors.OpError:
        raise UserError(
            f"{path}: a damaged {header.format} image, which cannot be decoded; get it anew"
        ) from None
    return np.rint(pixels.numpy()).clip(0, 255).astype(np.uint8)


def files_reader(paths, orientations, shape, rule):
    """Returns a function of a graph: indices, (n,) int64 -> their images, (n, *shape) float32.

    paths: (all,) bytes. orientations: (all,) EXIF's, 1 to 8. An image that cannot be decoded ends
    the pipeline with an error that names its file (`kerascnn.errors.raised_inside`).
    """
    import tensorflow as tf

    stored, turns = tf.constant(paths), tf.constant(orientations, tf.int32)

    def read(index):
        return index, decode(stored[index], turns[index], shape, rule)

    def complain(indices, decoded):
        path = os.fsdecode(paths[next(i for i in indices if i not in decoded)])
        try:
            read_image(path, shape, rule)
        except UserError as error:  # the text passes through TensorFlow, which takes UTF-8 only
            raise UserError(printable(str(error))) from None
        raise UserError(printable(f"{path}: could not be decoded, perhaps for want of memory"))

    def load(indices):
        nothing = (tf.constant(-1, tf.int64), tf.zeros(shape))  # lest none should be left
        images = tf.data.Dataset.from_tensor_slices(indices).map(read, AT_A_TIME)
        images = tf.data.Dataset.from_tensors(nothing).concatenate(images.ignore_errors())
        count = tf.size(indices, tf.int64)
        decoded, pixels = images.batch(count + 1).get_single_element()
        whole = tf.cond(
            tf.size(decoded, tf.int64) > count,
            lambda: True,
            lambda: tf.numpy_function(complain, [indices, decoded], tf.bool),
        )
        with tf.control_dependencies([whole]):
            return tf.ensure_shape(pixels[1:], (None, *shape))

    return load


def decode(path, orientation, shape, rule):
    """Reads an image file inside a graph or out of it: float32 pixels 0..255 of `shape`.

    Pixels are turned upright after they are made fewer, which gives the same image for less.
    """
    import tensorflow as tf

    pixels = tf.io.decode_image(tf.io.read_file(path), expand_animations=False)
    pixels.set_shape([None, None, None])
    if rule == "pad":
        pixels = tf.cast(resize(upright(pixels, orientation), shape, rule), tf.float32)
    else:
        size = tf.where(orientation > 4, shape[1::-1], shape[:2])
        pixels = upright(tf.image.resize(pixels, size, "bilinear"), orientation)
    return tf.ensure_shape(_in_channels(pixels, shape[2]), shape)


def _in_channels(pixels, channels):
    """Pixels of a file's 1 to 4 channels in 1 or 3; an opacity behind them is dropped."""
    import tensorflow as tf

    def grey():
        return pixels[..., :1] if channels == 1 else tf.repeat(pixels[..., :1], 3, -1)

    def colored():
        color = tf.ensure_shape(pixels[..., :3], [None, None, 3])
        return tf.image.rgb_to_grayscale(color) if channels == 1 else color

    return tf.cond(tf.shape(pixels)[-1] < 3, grey, colored)


def upright(pixels, orientation):
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


def resize(images, shape, rule):
    """Brings (..., h, w, c) pixels to `shape` by the rule of the config."""
    import tensorflow as tf

    height, width = shape[:2]
    if images.shape[-3:-1] == (height, width):
        return images
    if rule == "pad":
        return tf.image.resize_with_crop_or_pad(images, height, width)
    return tf.image.resize(images, (height, width), "bilinear")

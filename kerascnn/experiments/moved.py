"""Images moved, scaled and turned; what comes in from outside repeats the edge."""

import keras
import numpy as np


def translated(images: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Images, (n, height, width, channels), moved down and to the right by whole pixels."""
    height, width = images.shape[1:3]
    down = np.clip(np.arange(height) - rows, 0, height - 1)
    right = np.clip(np.arange(width) - columns, 0, width - 1)
    return images[:, down][:, :, right]


def scaled(images: np.ndarray, factor: float) -> np.ndarray:
    """Images enlarged about their middle, float32; bilinear."""
    return _mapped(images, np.eye(2) / factor)


def rotated(images: np.ndarray, degrees: float) -> np.ndarray:
    """Images turned about their middle, counterclockwise, float32; bilinear."""
    turn = np.deg2rad(degrees)
    return _mapped(images, np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]))


def _mapped(images, matrix):
    """Each pixel (x, y) from the middle takes what stands at matrix (x, y)."""
    height, width = images.shape[1:3]
    middle = np.array([(width - 1) / 2, (height - 1) / 2])
    move = middle - matrix @ middle
    rows = [*matrix[0], move[0], *matrix[1], move[1], 0.0, 0.0]
    transform = np.tile(np.array(rows, "float32"), (len(images), 1))
    moved = keras.ops.image.affine_transform(
        images.astype("float32"),
        transform,
        interpolation="bilinear",
        fill_mode="nearest",
        data_format="channels_last",
    )
    return keras.ops.convert_to_numpy(moved)

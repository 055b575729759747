"""Which parts of a picture a network is shown, as the papers did it.

All sizes are ratios of the network's own input, so that 256 pixels for 224 are 37 for 32.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from kerascnn.errors import UserError, required, unknown

Size = tuple[int, int]  # (height, width)
ANCHOR = 224  # the input that the papers' scales are told for


@dataclass(frozen=True)
class Plan:
    """How a picture becomes crops.

    scales: for each what the short side is made, where the network takes 224 pixels. views: a
    scaled picture, the smallest region of the input's proportions that spans its short side, and
    the size of the input -> its crops. None: the network is slid over the whole scaled picture.
    """

    scales: tuple[float, ...]
    views: Callable[[np.ndarray, Size, Size], list[np.ndarray]] | None


def central(image: np.ndarray, region: Size, size: Size) -> list[np.ndarray]:
    """The crop in the middle."""
    return [cut(image, size, (0.5, 0.5))]


def ten(image: np.ndarray, region: Size, size: Size) -> list[np.ndarray]:
    """The four corners and the middle of the central region, and their mirror images (AlexNet)."""
    return mirrored(five(cut(image, region, (0.5, 0.5)), size))


def of_three_regions(image: np.ndarray, region: Size, size: Size) -> list[np.ndarray]:
    """First, central and last region; of each five crops and itself, and mirrored (GoogLeNet)."""
    crops = []
    for place in (0.0, 0.5, 1.0):
        square = cut(image, region, (place, place))
        crops += [*five(square, size), resized(square, size)]
    return mirrored(crops)


# fmt: off
PLANS = {
    "center":     Plan((256,), central),
    "ten":        Plan((256,), ten),
    "144":        Plan((256, 288, 320, 352), of_three_regions),
    "dense":      Plan((256,), None),
    "multiscale": Plan((256, 384, 512), None),  # VGG, section 3.2
}
# fmt: on


def plan_of(name: str, size: Size, scales: Sequence[int] | None = None) -> Plan:
    """The plan called `name` for an input of `size`, with other scales where some are given.

    scales: pixels that the short side of a picture gets.

    Raises:
        UserError: an unknown name, or a scale below the input.
    """
    if name not in PLANS:
        raise unknown("crops", name, PLANS)
    plan = PLANS[name]
    if scales is None:
        return plan
    if not scales or min(scales) < min(size):
        raise UserError(
            f"scales: expected at least the {min(size)} pixels that the network takes, got "
            f"{', '.join(map(str, scales)) or 'none'}"
        )
    return Plan(tuple(ANCHOR * s / min(size) for s in scales), plan.views)


def scaled(image: np.ndarray, size: Size, scale: float) -> tuple[np.ndarray, Size]:
    """A picture, (H, W, C), in the size that its region of a scale spans the short side of.

    Returns:
        The resized picture and the (height, width) of the region.
    """
    rows, columns = (round(side * scale / ANCHOR) for side in size)
    height, width = image.shape[:2]
    factor = max(rows / height, columns / width)
    size = max(rows, round(height * factor)), max(columns, round(width * factor))
    return resized(image, size), (rows, columns)


def crops_of(image: np.ndarray, size: Size, plan: Plan) -> np.ndarray:
    """All crops of a picture, (H, W, C), by a plan with views: (crops, *size, C) float32."""
    found = []
    for scale in plan.scales:
        picture, region = scaled(image, size, scale)
        found += required(plan.views)(picture, region, size)
    return np.stack(found)


def cut(image: np.ndarray, size: Size, place: tuple[float, float]) -> np.ndarray:
    """A part of `size`; place: 0 first, 0.5 middle, 1 last, of rows and of columns."""
    top, left = (
        int(share * (n - side)) for share, n, side in zip(place, image.shape, size, strict=False)
    )
    return image[top : top + size[0], left : left + size[1]]


def five(image: np.ndarray, size: Size) -> list[np.ndarray]:
    """The four corners and the middle."""
    places = ((0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0), (0.5, 0.5))
    return [cut(image, size, place) for place in places]


def mirrored(crops: list[np.ndarray]) -> list[np.ndarray]:
    """The crops, and behind them their mirror images."""
    return [*crops, *(crop[:, ::-1] for crop in crops)]


def resized(image: np.ndarray, size: Size) -> np.ndarray:
    """A picture resized bilinearly, its neighbours averaged where it shrinks; float32 0..255.

    Grey levels are whole, so that a file that takes uint8 sees what the network sees.
    """
    import tensorflow as tf

    pixels = image.astype("float32")
    if image.shape[:2] != tuple(size):
        pixels = tf.image.resize(pixels, size, "bilinear", antialias=True).numpy()
    return np.rint(pixels).clip(0, 255)

"""What the pixels must go through before a network with given weights sees them."""

import math
from dataclasses import dataclass

from kerascnn.errors import UserError


@dataclass(frozen=True)
class Preprocessing:
    """(pixel - mean) / std, pixels in 0..255, RGB or grey.

        kerascnn.normalized(network, kerascnn.Preprocessing(mean=127.5, std=127.5))

    gives a model that takes the pixels themselves. `kerascnn.preprocessing` says which one
    published weights were trained with.

    mean, std: grey levels, one number for all channels, or one a channel.

    Raises:
        UserError: a number that is not finite, a std that is not above zero, or two lengths.
    """

    mean: float | tuple[float, ...]
    std: float | tuple[float, ...]

    def __post_init__(self):
        counts = set()
        for name, value in (("mean", self.mean), ("std", self.std)):
            numbers = value if isinstance(value, tuple) else (value,)
            if isinstance(value, tuple):
                counts.add(len(numbers))
            sound = numbers and all(isinstance(x, int | float) for x in numbers)
            if not sound or not all(math.isfinite(x) for x in numbers):
                raise UserError(f"{name}: expected a number, or a tuple of them, got {value!r}")
            if name == "std" and min(numbers) <= 0:
                raise UserError(f"std: expected grey levels above 0, got {value!r}")
        if len(counts) > 1:
            raise UserError(f"expected a mean and a std a channel, got {self.mean}, {self.std}")


# What keras.applications calls "torch", "tf" and "caffe". Caffe's channels are BGR: the first
# convolution of a network with such weights has its input channels reversed, so that it takes RGB.
IMAGENET = Preprocessing(
    tuple(255 * m for m in (0.485, 0.456, 0.406)), tuple(255 * s for s in (0.229, 0.224, 0.225))
)
PLUS_MINUS_ONE = Preprocessing(127.5, 127.5)
CAFFE = Preprocessing((123.68, 116.779, 103.939), 1.0)

"""What the pixels must go through before a network with given weights sees them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Preprocessing:
    """(pixel - mean) / std, pixels in 0..255, RGB; a number, or one a channel.

    `kerascnn.models.normalized(network, preprocessing)` puts it in front of a network.
    """

    mean: float | tuple[float, float, float]
    std: float | tuple[float, float, float]


# What keras.applications calls "torch", "tf" and "caffe". Caffe's channels are BGR: the first
# convolution of a network with such weights has its input channels reversed, so that it takes RGB.
IMAGENET = Preprocessing(
    tuple(255 * m for m in (0.485, 0.456, 0.406)), tuple(255 * s for s in (0.229, 0.224, 0.225))
)
PLUS_MINUS_ONE = Preprocessing(127.5, 127.5)
CAFFE = Preprocessing((123.68, 116.779, 103.939), 1.0)

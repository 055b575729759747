"""U-Net: Ronneberger, Fischer & Brox, "U-Net: Convolutional Networks for Biomedical Image
Segmentation", arXiv:1505.04597.

572x572x1 -> encoder: five levels of two 3x3 convolutions, 64 to 1024 filters, each level half as
wide -> decoder: a 2x2 transposed convolution that doubles the size, the encoder's maps of that
level beside it, two 3x3 convolutions -> 1x1 -> a class a pixel.

The paper pads nothing, so that 572 pixels give 388, and crops the encoder's maps. "unet_bn" is what
became usual: zeros around, as many pixels out as in, and batch normalization.
"""

from collections.abc import Sequence

from keras import Input, Model, layers

from kerascnn.layers import conv, conv_bn
from kerascnn.models.registry import register, row
from kerascnn.models.sizes import require_at_least

# fmt: off
WIDTHS = (64, 128, 256, 512, 1024)  # Figure 1
VARIANTS = {
    "unet":    row(widths=WIDTHS, padding="valid", batch_norm=False, dropout=0.5,
                   params=31_030_658, macs=150_428_424_448,
                   input_shape=(572, 572, 1), num_classes=2),
    "unet_bn": row(widths=WIDTHS, padding="same", batch_norm=True, dropout=0.0,
                   params=31_037_698, macs=192_686_325_760,
                   input_shape=(512, 512, 3), num_classes=2),
}
# fmt: on


@register(VARIANTS, paper="arXiv:1505.04597", year=2015)
def unet(
    widths: Sequence[int],
    padding: str,
    batch_norm: bool,
    dropout: float,
    *,
    input_shape: tuple[int, int, int] = (572, 572, 1),
    num_classes: int = 2,
    name: str = "unet",
) -> Model:
    """Builds a U-Net that returns logits for each pixel, (batch, height, width, num_classes).

    widths: filters of the levels; a small one has three, as (16, 32, 64). padding: "valid" or
    "same", of the 3x3 convolutions; with "same" there are as many pixels out as in where every
    level halves the sides evenly, else fewer. dropout: behind the lowest level.
    """
    require_at_least(_smallest(len(widths), padding), input_shape, name)

    convolve = conv_bn if batch_norm else conv

    def twice(x, filters, stage):
        for part in (1, 2):
            x = convolve(x, filters, 3, padding=padding, act="relu", name=f"stage{stage}_{part}")
        return x

    x = image = Input(input_shape, name="image")
    levels = []
    for stage, filters in enumerate(widths, start=1):
        if levels:
            x = layers.MaxPooling2D(name=f"stage{stage}_pool")(x)
        x = twice(x, filters, stage)
        levels.append(x)
    if dropout:
        x = layers.Dropout(dropout, name=f"stage{len(widths)}_dropout")(x)
    across = zip(widths[-2::-1], levels[-2::-1], strict=True)
    for stage, (filters, level) in enumerate(across, start=len(widths) + 1):
        x = layers.Conv2DTranspose(
            filters, 2, 2, kernel_initializer="he_normal", name=f"stage{stage}_up_conv"
        )(x)
        x = layers.Concatenate(name=f"stage{stage}_concat")([_cropped(level, x, stage), x])
        x = twice(x, filters, stage)
    x = layers.Conv2D(num_classes, 1, kernel_initializer="he_normal", name="head_logits")(x)
    return Model(image, x, name=name)


def _cropped(level, x, stage):
    """The middle of the encoder's maps, as large as the decoder's."""
    margins = [a - b for a, b in zip(level.shape[1:3], x.shape[1:3], strict=True)]
    if not any(margins):
        return level
    cropping = [(margin // 2, margin - margin // 2) for margin in margins]
    return layers.Cropping2D(cropping, name=f"stage{stage}_crop")(level)


def _smallest(levels, padding):
    """The smallest side of which every level leaves a pixel."""
    lost = 4 if padding == "valid" else 0  # by two 3x3 convolutions
    side = 1
    for _ in range(levels - 1):  # backwards through the decoder
        side = -(-(side + lost) // 2)
    side += lost
    for _ in range(levels - 1):
        side = 2 * side + lost
    return side

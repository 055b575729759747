"""ZFNet: Zeiler & Fergus, "Visualizing and Understanding Convolutional Networks",
arXiv:1311.2901.

224x224x3 -> 110x110x96 -> pool 55 -> 26x26x256 -> pool 13 -> three convolutions, 13x13x384, 384
and 256 -> pool 6x6x256 -> 4096 -> 4096 -> logits.

AlexNet, looked at and mended: 7x7 kernels with stride 2 where it had 11x11 with 4, and no towers.
zfnet_wide has 512, 1024 and 512 maps in layers 3 to 5 (Table 2). The paper normalizes contrast
behind the first two poolings without giving constants; here it is AlexNet's response normalization.
"""

from collections.abc import Sequence

from keras import Input, Model, layers

from kerascnn.layers import LocalResponseNormalization, ceil_max_pool, conv, dense_head
from kerascnn.models.published import Published
from kerascnn.models.registry import register, row
from kerascnn.models.sizes import require_at_least

# fmt: off
PAPER = Published("Table 2 of the paper", "several-crops")
VARIANTS = {  # Figure 3 and Table 2
    "zfnet": row(filters=(384, 384, 256), top1=61.6, top5=83.5, published=PAPER,
                 params=62_357_608, macs=1_168_032_896),
    "zfnet_wide": row(filters=(512, 1024, 512), top1=62.5, top5=84.0, published=PAPER,
                      params=107_627_624, macs=2_476_704_896),
}
# fmt: on


@register(VARIANTS, paper="arXiv:1311.2901", year=2013)
def zfnet(
    filters: Sequence[int],
    *,
    input_shape: tuple[int, int, int] = (224, 224, 3),
    num_classes: int = 1000,
    name: str = "zfnet",
) -> Model:
    """Builds a ZFNet that returns logits; filters: maps of layers 3 to 5."""
    require_at_least(63, input_shape, name)
    x = image = Input(input_shape, name="image")
    x = layers.ZeroPadding2D(1, name="stage1_pad")(x)
    x = conv(x, 96, 7, 2, padding="valid", act="relu", name="stage1")
    x = ceil_max_pool(x, 3, 2, name="stage1_pool")
    x = LocalResponseNormalization(name="stage1_lrn")(x)
    x = conv(x, 256, 5, 2, padding="valid", act="relu", name="stage2")
    x = ceil_max_pool(x, 3, 2, name="stage2_pool")
    x = LocalResponseNormalization(name="stage2_lrn")(x)
    for k, maps in enumerate(filters, start=1):
        x = conv(x, maps, 3, act="relu", name=f"stage3_{k}")
    x = layers.MaxPooling2D(3, 2, name="stage3_pool")(x)
    return Model(image, dense_head(x, (4096, 4096), num_classes, dropout=0.5), name=name)

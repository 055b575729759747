"""ShuffleNet: Zhang, Zhou, Lin & Sun, "ShuffleNet: An Extremely Efficient Convolutional Neural
Network for Mobile Devices", arXiv:1707.01083.

224x224x3 -> stem 56x56x24 -> three stages, 28, 14 and 7 pixels wide, of 4, 8 and 4 units (Table 1
calls them stages 2 to 4) -> global average -> logits. A unit: grouped 1x1, shuffle, 3x3 depthwise,
grouped 1x1. Names give the groups and the factor of the widths.

The first 1x1 of stage 1 is not grouped, as its input is narrow. As in the authors' code, the
classifier has no bias, and the average of a strided unit counts its padding.
"""

from collections.abc import Sequence

from keras import Input, KerasTensor, Model, layers

from kerascnn.layers import ChannelShuffle, conv_bn, depthwise_conv_bn, padded_max_pool
from kerascnn.models.published import REPOSITORY
from kerascnn.models.registry import register, row

# fmt: off
VARIANTS = {  # Tables 1 and 2
    "shufflenet_v1_g3_x0_5": row(groups=3, stem=12, filters=(120, 240, 480),
                                 top1=57.3, top5=80.0, published=REPOSITORY,
                                 params=717_324, macs=37_589_856),
    "shufflenet_v1_g3_x1_0": row(groups=3, stem=24, filters=(240, 480, 960),
                                 top1=67.8, top5=87.7, published=REPOSITORY,
                                 params=1_864_728, macs=137_460_672),
    "shufflenet_v1_g3_x1_5": row(groups=3, stem=24, filters=(360, 720, 1440),
                                 top1=71.6, top5=90.2, published=REPOSITORY,
                                 params=3_441_168, macs=292_443_552),
    "shufflenet_v1_g3_x2_0": row(groups=3, stem=48, filters=(480, 960, 1920),
                                 top1=74.1, top5=91.4, published=REPOSITORY,
                                 params=5_449_776, macs=524_045_184),
    "shufflenet_v1_g8_x1_0": row(groups=8, stem=24, filters=(384, 768, 1536),
                                 top1=68.0, top5=86.4, published=REPOSITORY,
                                 params=2_433_768, macs=138_365_952),
}
# fmt: on


@register(VARIANTS, paper="arXiv:1707.01083", year=2017)
def shufflenet_v1(
    groups: int,
    stem: int,
    filters: Sequence[int],
    *,
    input_shape: tuple[int, int, int] = (224, 224, 3),
    num_classes: int = 1000,
    name: str = "shufflenet_v1",
) -> Model:
    """Builds a ShuffleNet that returns logits, (batch, num_classes).

    groups: of the 1x1 convolutions. stem, filters: channels of the stem and of the stages.
    """
    x = image = Input(input_shape, name="image")
    x = conv_bn(x, stem, 3, 2, name="stem")
    x = padded_max_pool(x, 3, 2, name="stem_pool")
    for stage, (width, units) in enumerate(zip(filters, (4, 8, 4), strict=True), start=1):
        for i in range(1, units + 1):
            first_groups = 1 if (stage, i) == (1, 1) else groups
            strides = 2 if i == 1 else 1
            x = unit(x, width, strides, first_groups, groups, f"stage{stage}_block{i}")
    x = layers.GlobalAveragePooling2D(name="head_pool")(x)
    x = layers.Dense(num_classes, use_bias=False, name="head_logits")(x)
    return Model(image, x, name=name)


def unit(
    x: KerasTensor, filters: int, strides: int, first_groups: int, groups: int, name: str
) -> KerasTensor:
    """Figure 2 (b) and, strided, (c).  (H, W, C) -> (H/strides, W/strides, filters)."""
    shortcut = x
    new = filters if strides == 1 else filters - shortcut.shape[-1]
    x = conv_bn(x, filters // 4, 1, groups=first_groups, name=f"{name}_1")
    x = ChannelShuffle(groups, name=f"{name}_shuffle")(x)
    x = depthwise_conv_bn(x, 3, strides, act=None, name=f"{name}_2")
    x = conv_bn(x, new, 1, groups=groups, act=None, name=f"{name}_3")
    if strides == 1:
        x = layers.Add(name=f"{name}_add")([x, shortcut])
        return layers.ReLU(name=f"{name}_out")(x)
    x = layers.ReLU(name=f"{name}_3_relu")(x)
    shortcut = layers.ZeroPadding2D(1, name=f"{name}_proj_pad")(shortcut)
    shortcut = layers.AveragePooling2D(3, strides, name=f"{name}_proj_pool")(shortcut)
    return layers.Concatenate(name=f"{name}_concat")([shortcut, x])

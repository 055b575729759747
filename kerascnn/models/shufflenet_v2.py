"""ShuffleNet V2: Ma, Zhang, Zheng & Sun, "ShuffleNet V2: Practical Guidelines for Efficient CNN
Architecture Design", arXiv:1807.11164.

224x224x3 -> stem 56x56x24 -> three stages, 28, 14 and 7 pixels wide, of 4, 8 and 4 units (Table 5
calls them stages 2 to 4) -> 1x1 -> global average -> logits. A unit passes half of its channels by,
computes the other half, and shuffles both together.

As in the authors' code, a strided unit passes on as many channels as came in and computes the
rest, and the classifier has no bias. The rows _torch are torchvision's: two equal halves there, and
a bias.
"""

from collections.abc import Sequence

from keras import Input, KerasTensor, Model, layers

from kerascnn.layers import (
    ChannelShuffle,
    ChannelSplit,
    conv_bn,
    depthwise_conv_bn,
    padded_max_pool,
)
from kerascnn.models.published import REPOSITORY, TORCHVISION
from kerascnn.models.registry import register, row

# fmt: off
VARIANTS = {  # Table 5
    "shufflenet_v2_x0_5": row(filters=(48, 96, 192), last=1024,
                              top1=61.1, top5=82.6, published=REPOSITORY,
                              params=1_365_792, macs=40_476_448),
    "shufflenet_v2_x1_0": row(filters=(116, 232, 464), last=1024,
                              top1=69.4, top5=88.9, published=REPOSITORY,
                              params=2_278_760, macs=145_814_296),
    "shufflenet_v2_x1_5": row(filters=(176, 352, 704), last=1024,
                              top1=72.6, top5=90.6, published=REPOSITORY,
                              params=3_506_720, macs=298_970_656),
    "shufflenet_v2_x2_0": row(filters=(244, 488, 976), last=2048,
                              top1=75.0, top5=92.4, published=REPOSITORY,
                              params=7_402_600, macs=590_783_000),
    "shufflenet_v2_x1_0_torch": row(filters=(116, 232, 464), last=1024, even=True, use_bias=True,
                                    top1=69.362, top5=88.316, published=TORCHVISION,
                                    params=2_278_604, macs=144_907_992),
    "shufflenet_v2_x0_5_torch": row(filters=(48, 96, 192), last=1024, even=True, use_bias=True,
                                    top1=60.552, top5=81.746, published=TORCHVISION,
                                    params=1_366_792, macs=40_476_448),
    "shufflenet_v2_x1_5_torch": row(filters=(176, 352, 704), last=1024, even=True, use_bias=True,
                                    top1=72.996, top5=91.086, published=TORCHVISION,
                                    params=3_503_624, macs=295_759_392),
    "shufflenet_v2_x2_0_torch": row(filters=(244, 488, 976), last=2048, even=True, use_bias=True,
                                    top1=76.23, top5=93.006, published=TORCHVISION,
                                    params=7_393_996, macs=583_253_464),
}
# fmt: on


@register(VARIANTS, paper="arXiv:1807.11164", year=2018)
def shufflenet_v2(
    filters: Sequence[int],
    last: int,
    *,
    even: bool = False,
    use_bias: bool = False,
    input_shape: tuple[int, int, int] = (224, 224, 3),
    num_classes: int = 1000,
    name: str = "shufflenet_v2",
) -> Model:
    """Builds a ShuffleNet V2 that returns logits, (batch, num_classes).

    filters: channels of the stages. last: channels of the 1x1 behind them. even: strided units
    compute two equal halves. use_bias: of the classifier.
    """
    x = image = Input(input_shape, name="image")
    x = conv_bn(x, 24, 3, 2, name="stem")
    x = padded_max_pool(x, 3, 2, name="stem_pool")
    for stage, (width, units) in enumerate(zip(filters, (4, 8, 4), strict=True), start=1):
        passed = width // 2 if even else x.shape[-1]
        x = strided_unit(x, width, passed, f"stage{stage}_block1")
        for i in range(2, units + 1):
            x = unit(x, width, f"stage{stage}_block{i}")
    x = conv_bn(x, last, 1, name="head")
    x = layers.GlobalAveragePooling2D(name="head_pool")(x)
    x = layers.Dense(num_classes, use_bias=use_bias, name="head_logits")(x)
    return Model(image, x, name=name)


def unit(x: KerasTensor, filters: int, name: str) -> KerasTensor:
    """Figure 3 (c): half passes by.  The shape stays."""
    passed, x = ChannelSplit(2, name=f"{name}_split")(x)
    x = conv_bn(x, filters // 2, 1, name=f"{name}_1")
    x = depthwise_conv_bn(x, 3, act=None, name=f"{name}_2")
    x = conv_bn(x, filters // 2, 1, name=f"{name}_3")
    return join(passed, x, name)


def strided_unit(x: KerasTensor, filters: int, passed: KerasTensor, name: str) -> KerasTensor:
    """Figure 3 (d): both branches stride.  (H, W, C) -> (H/2, W/2, filters)."""
    left = depthwise_conv_bn(x, 3, 2, act=None, name=f"{name}_proj_1")
    left = conv_bn(left, passed, 1, name=f"{name}_proj_2")
    x = conv_bn(x, filters // 2, 1, name=f"{name}_1")
    x = depthwise_conv_bn(x, 3, 2, act=None, name=f"{name}_2")
    x = conv_bn(x, filters - passed, 1, name=f"{name}_3")
    return join(left, x, name)


def join(left: KerasTensor, right: KerasTensor, name: str) -> KerasTensor:
    """Concatenates, then deals the channels of both out in turn."""
    x = layers.Concatenate(name=f"{name}_concat")([left, right])
    return ChannelShuffle(2, name=f"{name}_shuffle")(x)

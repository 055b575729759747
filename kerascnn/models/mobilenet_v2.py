"""MobileNetV2: Sandler, Howard, Zhu, Zhmoginov & Chen, "MobileNetV2: Inverted Residuals and Linear
Bottlenecks", arXiv:1801.04381.

224x224x3 -> stem 112x112x32 -> the seven rows of Table 2 as stages, 112 to 7 pixels wide, of 16 to
320 channels -> 1x1 to 1280 -> global average -> logits. alpha scales every width but the 1280,
which grows with it and never shrinks.

Padding is "same", as in the authors' TensorFlow code and keras.applications. The rows _torch are
torchvision's and timm's: symmetric padding, and torch's epsilon. mobilenet_v2_110d and _120d are
timm's: wider, and deeper but for the first and the last stage, with stem and last 1x1 as they were.
"""

from math import ceil
from typing import Any

from keras import Input, KerasTensor, Model, layers

from kerascnn.layers import conv_bn, depthwise_conv_bn
from kerascnn.models.published import KERAS_IO, TF_SLIM, TORCHVISION
from kerascnn.models.registry import register, row

STAGES = (  # Table 2: expansion, channels, blocks, stride of the first
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)

# fmt: off
TORCH = {"padding": "symmetric", "epsilon": 1e-5}
VARIANTS = {
    "mobilenet_v2": row(top1=71.3, top5=90.1, published=KERAS_IO,
                        params=3_504_872, macs=300_774_272),
    "mobilenet_v2_torch": row(**TORCH,
                              top1=71.878, top5=90.286, published=TORCHVISION,
                              params=3_504_872, macs=300_774_272),
    "mobilenet_v2_035": row(alpha=0.35, top1=60.3, top5=82.9, published=TF_SLIM,
                            params=1_677_128, macs=59_285_808),
    "mobilenet_v2_050": row(alpha=0.5, top1=65.4, top5=86.4, published=TF_SLIM,
                            params=1_968_680, macs=97_131_840),
    "mobilenet_v2_075": row(alpha=0.75, top1=69.8, top5=89.6, published=TF_SLIM,
                            params=2_636_424, macs=209_069_792),
    "mobilenet_v2_130": row(alpha=1.3, top1=74.4, top5=92.1, published=TF_SLIM,
                            params=5_386_792, macs=509_374_560),
    "mobilenet_v2_140": row(alpha=1.4, top1=75.0, top5=92.5, published=TF_SLIM,
                            params=6_108_776, macs=582_195_824),
    "mobilenet_v2_050_torch": row(alpha=0.5, **TORCH, params=1_968_680, macs=97_131_840),
    "mobilenet_v2_140_torch": row(alpha=1.4, **TORCH, params=6_108_776, macs=582_195_824),
    "mobilenet_v2_110d": row(alpha=1.1, deepen=1.2, **TORCH, params=4_516_520, macs=430_516_080),
    "mobilenet_v2_120d": row(alpha=1.2, deepen=1.4, **TORCH, params=5_831_144, macs=668_857_568),
}
# fmt: on


@register(VARIANTS, paper="arXiv:1801.04381", year=2018)
def mobilenet_v2(
    *,
    alpha: float = 1.0,
    deepen: float = 1.0,
    padding: str = "same",
    epsilon: float = 1e-3,
    input_shape: tuple[int, int, int] = (224, 224, 3),
    num_classes: int = 1000,
    name: str = "mobilenet_v2",
) -> Model:
    """Builds a MobileNetV2 that returns logits, (batch, num_classes).

    alpha: scales the widths. deepen: scales the number of blocks of all stages but the first and
    the last, rounded up; then alpha leaves the stem and the last 1x1 as they are. padding, epsilon:
    of all convolutions, of all normalizations.
    """
    options = {"padding": padding, "epsilon": epsilon}
    x = image = Input(input_shape, name="image")
    ends = alpha if deepen == 1 else 1.0
    x = conv_bn(x, width(32 * ends), 3, 2, act="relu6", **options, name="stem")
    for stage, (expansion, filters, blocks, first_stride) in enumerate(STAGES, start=1):
        if 1 < stage < len(STAGES):
            blocks = ceil(blocks * deepen)
        for i in range(1, blocks + 1):
            x = inverted_residual(
                x,
                width(filters * alpha),
                first_stride if i == 1 else 1,
                expansion,
                options,
                f"stage{stage}_block{i}",
            )
    x = conv_bn(x, width(1280 * max(ends, 1.0)), 1, act="relu6", **options, name="head")
    x = layers.GlobalAveragePooling2D(name="head_pool")(x)
    x = layers.Dropout(0.2, name="head_dropout")(x)
    x = layers.Dense(num_classes, name="head_logits")(x)
    return Model(image, x, name=name)


def inverted_residual(
    x: KerasTensor, filters: int, strides: int, expansion: int, options: dict[str, Any], name: str
) -> KerasTensor:
    """1x1 to `expansion` times C, 3x3 depthwise, linear 1x1.  (H, W, C) -> (.../strides, filters).

    Without the first where there is nothing to expand; plus x where the shape stays.
    """
    shortcut = x
    if expansion != 1:
        x = conv_bn(x, expansion * x.shape[-1], 1, act="relu6", **options, name=f"{name}_1")
    x = depthwise_conv_bn(x, 3, strides, act="relu6", **options, name=f"{name}_2")
    x = conv_bn(x, filters, 1, act=None, **options, name=f"{name}_3")
    if strides == 1 and shortcut.shape[-1] == filters:
        x = layers.Add(name=f"{name}_add")([x, shortcut])
    return x


def width(channels: float) -> int:
    """The multiple of 8 nearest to `channels`, and the next one where that is 10 % below."""
    nearest = max(8, int(channels + 4) // 8 * 8)
    return nearest if nearest >= 0.9 * channels else nearest + 8

"""SqueezeNet: Iandola et al., "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and
<0.5MB model size", arXiv:1602.07360.

A fire module squeezes with 1x1 convolutions and expands with 1x1 and 3x3 ones side by side.

1.0: 224x224x3 -> 109x109x96 -> three stages of fire modules, 54, 27 and 13 pixels wide, of up to
256, 512 and 512 channels -> one map a class, its average is the logit: no dense layer.
1.1, of the authors' repository, has a smaller stem and pools earlier: 2.3 times fewer
multiplications.

Pooling rounds up; the class maps go through a ReLU. The bypass (Figure 2, middle) adds the input
of those modules that keep their shape, and costs no multiplication.
"""

from collections.abc import Sequence

from keras import Input, KerasTensor, Model, layers

from kerascnn.layers import ceil_max_pool, conv
from kerascnn.models.published import TORCHVISION, Published
from kerascnn.models.registry import register, row
from kerascnn.models.sizes import require_at_least

# fmt: off
TABLE_3 = Published("Table 3 of the paper")
# The stem; for each stage the width of the squeeze of its modules, a quarter of each expand.
V1_0 = {"stem": (96, 7), "squeeze": ((16, 16, 32), (32, 48, 48, 64), (64,))}
V1_1 = {"stem": (64, 3), "squeeze": ((16, 16), (32, 32), (48, 48, 64, 64))}
VARIANTS = {
    "squeezenet1_0": row(**V1_0, top1=58.092, top5=80.42, published=TORCHVISION,
                         params=1_248_424, macs=818_924_576),
    "squeezenet1_1": row(**V1_1, top1=58.178, top5=80.624, published=TORCHVISION,
                         params=1_235_496, macs=349_151_936),
    "squeezenet1_0_bypass": row(**V1_0, bypass=True, top1=60.4, top5=82.5, published=TABLE_3,
                                params=1_248_424, macs=818_924_576),
}
# fmt: on


@register(VARIANTS, paper="arXiv:1602.07360", year=2016)
def squeezenet(
    stem: tuple[int, int],
    squeeze: Sequence[Sequence[int]],
    *,
    bypass: bool = False,
    input_shape: tuple[int, int, int] = (224, 224, 3),
    num_classes: int = 1000,
    name: str = "squeezenet",
) -> Model:
    """Builds a SqueezeNet that returns logits, (batch, num_classes).

    stem: filters and kernel size of the first convolution. squeeze: for each stage the squeezed
    widths of its fire modules. bypass: the simple bypass.
    """
    require_at_least(22 + stem[1], input_shape, name)  # three poolings behind that kernel
    x = image = Input(input_shape, name="image")
    x = conv(x, stem[0], stem[1], 2, padding="valid", act="relu", name="stem")
    for stage, widths in enumerate(squeeze, start=1):
        x = ceil_max_pool(x, 3, 2, name=f"stage{stage}_pool")
        for i, width in enumerate(widths, start=1):
            x = fire(x, width, bypass, f"stage{stage}_block{i}")
    x = layers.Dropout(0.5, name="head_dropout")(x)
    x = conv(x, num_classes, 1, act="relu", name="head")
    x = layers.GlobalAveragePooling2D(name="head_logits")(x)
    return Model(image, x, name=name)


def fire(x: KerasTensor, width: int, bypass: bool, name: str) -> KerasTensor:
    """1x1 down to `width`, then 1x1 and 3x3 up to 4 * width each.  (H, W, C) -> (H, W, 8 width)."""
    shortcut = x
    x = conv(x, width, 1, act="relu", name=f"{name}_squeeze")
    ones = conv(x, 4 * width, 1, act="relu", name=f"{name}_1x1")
    threes = conv(x, 4 * width, 3, act="relu", name=f"{name}_3x3")
    x = layers.Concatenate(name=f"{name}_concat")([ones, threes])
    if bypass and shortcut.shape[-1] == x.shape[-1]:
        x = layers.Add(name=f"{name}_add")([x, shortcut])
    return x

"""Inception-ResNet v1 and v2: Szegedy, Ioffe, Vanhoucke & Alemi, "Inception-v4, Inception-ResNet
and the Impact of Residual Connections on Learning", arXiv:1602.07261, sections 3.2 and 3.3.

299x299x3 -> stem -> three stages of residual inception blocks, 35, 17 and 8 pixels wide: 256, 896
and 1792 channels in v1, 320, 1088 and 2080 in v2 -> (v2: 1x1 to 1536) -> global average -> logits.
A block is inception, 1x1 to the width of its input, times a small factor, plus its input, ReLU. The
first block of the second and of the third stage halves the grid (Figure 7, 12 and 18).

Departs from the paper where the authors' code of v2 does: its stem is that of Inception-v3 with one
inception module behind it, not Inception-v4's, the stages have 10, 20 and 10 blocks, where Figure
15 has 5, 10 and 5, and the widths 1088 and 2080 are 1154 and 2048 there. The last block of all
neither scales nor rectifies; in v1, whose code was never public, it is a sixth, as in FaceNet's.

The row _keras is keras.applications': batch normalization without gamma, no dropout.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

from keras import Input, KerasTensor, Model, layers

from kerascnn.layers import conv, conv_bn
from kerascnn.models.inception_v3 import Steps, Unit, average_inside, chain, conv_bn_without_gamma
from kerascnn.models.inception_v4 import TABLE_2, reduction_35
from kerascnn.models.published import KERAS_IO
from kerascnn.models.registry import register, row
from kerascnn.models.sizes import require_at_least

SCALES = (0.17, 0.1, 0.2)  # of the residuals of the three stages

# fmt: off
SIZE: dict[str, Any] = {"input_shape": (299, 299, 3)}
V1 = {
    "inception_resnet_v1": row(top1=78.7, top5=94.5, published=TABLE_2, **SIZE,
                               params=24_357_096, macs=6_308_597_856),
}
V2 = {
    "inception_resnet_v2": row(top1=80.1, top5=95.1, published=TABLE_2, **SIZE,
                               params=55_843_464, macs=13_155_794_016),
    "inception_resnet_v2_keras": row(keras=True, top1=80.3, top5=95.3, published=KERAS_IO, **SIZE,
                                     params=55_813_192, macs=13_155_794_016),
}
# fmt: on


@register(V1, paper="arXiv:1602.07261", year=2016)
def inception_resnet_v1(
    *,
    depth: Sequence[int] = (5, 10, 6),
    input_shape: tuple[int, int, int] = (299, 299, 3),
    num_classes: int = 1000,
    name: str = "inception_resnet_v1",
) -> Model:
    """Builds Inception-ResNet-v1, which returns logits, (batch, num_classes).

    depth: residual blocks in each stage; the last of all is linear.
    """
    require_at_least(75, input_shape, name)
    unit = partial(conv_bn, epsilon=1e-3)
    x = image = Input(input_shape, name="image")
    x = narrow_stem(x, unit)
    x = unit(x, 256, 3, 2, padding="valid", name="stem_6")
    branches_8 = [[(192, 1)], [(192, 1), (192, (1, 3)), (192, (3, 1))]]
    x = stage(x, branches_35(32, 32), SCALES[0], 1, depth[0], unit, "stage1")
    x = reduction_35(x, (192, 192, 256, 384), unit, "stage2_block1")
    x = stage(x, branches_17(128, 128, 128), SCALES[1], 2, depth[1], unit, "stage2")
    x = reduction_17(x, (384, 256, 256, 256), unit, "stage3_block1")
    x = stage(x, branches_8, SCALES[2], 2, depth[2], unit, "stage3", linear_end=True)
    return Model(image, head(x, 0.2, num_classes), name=name)


@register(V2, paper="arXiv:1602.07261", year=2016)
def inception_resnet_v2(
    *,
    keras: bool = False,
    depth: Sequence[int] = (10, 20, 10),
    input_shape: tuple[int, int, int] = (299, 299, 3),
    num_classes: int = 1000,
    name: str = "inception_resnet_v2",
) -> Model:
    """Builds Inception-ResNet-v2, which returns logits, (batch, num_classes).

    keras: the form of keras.applications. depth: residual blocks in each stage; the last of all is
    linear.
    """
    require_at_least(75, input_shape, name)
    unit = conv_bn_without_gamma if keras else partial(conv_bn, epsilon=1e-3)
    x = image = Input(input_shape, name="image")
    x = layers.MaxPooling2D(3, 2, name="stem_5_pool")(narrow_stem(x, unit))
    x = module_35(x, unit, "stage1_block1")
    branches_8 = [[(192, 1)], [(192, 1), (224, (1, 3)), (256, (3, 1))]]
    x = stage(x, branches_35(48, 64), SCALES[0], 2, depth[0], unit, "stage1")
    x = reduction_35(x, (256, 256, 384, 384), unit, "stage2_block1")
    x = stage(x, branches_17(192, 160, 192), SCALES[1], 2, depth[1], unit, "stage2")
    x = reduction_17(x, (384, 288, 288, 320), unit, "stage3_block1")
    x = stage(x, branches_8, SCALES[2], 2, depth[2], unit, "stage3", linear_end=True)
    x = unit(x, 1536, 1, name="head")
    return Model(image, head(x, None if keras else 0.2, num_classes), name=name)


def narrow_stem(x: KerasTensor, unit: Unit) -> KerasTensor:
    """Figure 14 without its end, as in Inception-v3.  (299, 299, 3) -> (71, 71, 192)."""
    x = unit(x, 32, 3, 2, padding="valid", name="stem_1")
    x = unit(x, 32, 3, padding="valid", name="stem_2")
    x = unit(x, 64, 3, name="stem_3")
    x = layers.MaxPooling2D(3, 2, name="stem_3_pool")(x)
    x = unit(x, 80, 1, name="stem_4")
    return unit(x, 192, 3, padding="valid", name="stem_5")


def module_35(x: KerasTensor, unit: Unit, name: str) -> KerasTensor:
    """The module in front of v2's residual blocks.  (H, W, C) -> (H, W, 320)."""
    a = unit(x, 96, 1, name=f"{name}_1x1")
    b = chain(x, [(48, 1), (64, 5)], unit, f"{name}_5x5")
    c = chain(x, [(64, 1), (96, 3), (96, 3)], unit, f"{name}_double3x3")
    d = unit(average_inside(x, 3, name=f"{name}_pool"), 64, 1, name=f"{name}_pool_proj")
    return layers.Concatenate(name=f"{name}_concat")([a, b, c, d])


def branches_35(middle: int, last: int) -> list[Steps]:
    """Figures 10 and 16: the branches of a block on the 35x35 grid, (filters, kernel size)."""
    return [[(32, 1)], [(32, 1), (32, 3)], [(32, 1), (middle, 3), (last, 3)]]


def branches_17(alone: int, wide: int, tall: int) -> list[Steps]:
    """Figures 11 and 17: the branches of a block on the 17x17 grid."""
    return [[(alone, 1)], [(128, 1), (wide, (1, 7)), (tall, (7, 1))]]


def stage(
    x: KerasTensor,
    branches: Sequence[Steps],
    scale: float | None,
    first: int,
    count: int,
    unit: Unit,
    name: str,
    *,
    linear_end: bool = False,
) -> KerasTensor:
    """`count` residual blocks, numbered from `first`. linear_end: the last is x + inception(x)."""
    for i in range(first, first + count):
        linear = linear_end and i == first + count - 1
        x = residual(x, branches, None if linear else scale, unit, f"{name}_block{i}")
    return x


def residual(
    x: KerasTensor, branches: Sequence[Steps], scale: float | None, unit: Unit, name: str
) -> KerasTensor:
    """relu(x + scale * inception(x)); without scale and ReLU where scale is None.  Shape stays."""
    shortcut, found = x, []
    for steps in branches:
        label = {1: "1x1", 2: "3x3"}.get(len(steps)) or _widest(steps)
        if len(steps) == 1:
            found.append(unit(x, *steps[0], name=f"{name}_{label}"))
        else:
            found.append(chain(x, steps, unit, f"{name}_{label}"))
    x = layers.Concatenate(name=f"{name}_concat")(found)
    x = conv(x, shortcut.shape[-1], 1, name=f"{name}_up")
    if scale is not None:
        x = layers.Rescaling(scale, name=f"{name}_scale")(x)
    x = layers.Add(name=f"{name}_add")([shortcut, x])
    return x if scale is None else layers.ReLU(name=f"{name}_out")(x)


def _widest(steps):
    """What the branch of three steps is called: two 3x3, or one 7x7 or 3x3 in two parts."""
    size = max(steps[1][1]) if isinstance(steps[1][1], tuple) else None
    return f"{size}x{size}" if size else "double3x3"


def reduction_17(x: KerasTensor, filters: Sequence[int], unit: Unit, name: str) -> KerasTensor:
    """Figures 12 and 18 on the 17x17 grid.  (H, W, C) -> ((H - 1)/2, (W - 1)/2, sum + C).

    filters: of the two 3x3 that stride, and of the two in a row of which the second does; the
    channels that come out are those of all but the third.
    """
    first, second, inner, last = filters
    a = unit(x, 256, 1, name=f"{name}_3x3_1")
    a = unit(a, first, 3, 2, padding="valid", name=f"{name}_3x3_2")
    b = unit(x, 256, 1, name=f"{name}_3x3b_1")
    b = unit(b, second, 3, 2, padding="valid", name=f"{name}_3x3b_2")
    c = chain(x, [(256, 1), (inner, 3)], unit, f"{name}_double3x3")
    c = unit(c, last, 3, 2, padding="valid", name=f"{name}_double3x3_3")
    d = layers.MaxPooling2D(3, 2, name=f"{name}_pool")(x)
    return layers.Concatenate(name=f"{name}_concat")([a, b, c, d])


def head(x: KerasTensor, dropout: float | None, num_classes: int) -> KerasTensor:
    """Global average, dropout at the rate `dropout` unless it is None, logits."""
    x = layers.GlobalAveragePooling2D(name="head_pool")(x)
    if dropout is not None:
        x = layers.Dropout(dropout, name="head_dropout")(x)
    return layers.Dense(num_classes, name="head_logits")(x)

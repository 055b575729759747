"""Inception-v4: Szegedy, Ioffe, Vanhoucke & Alemi, "Inception-v4, Inception-ResNet and the Impact
of Residual Connections on Learning", arXiv:1602.07261, section 3.1.

299x299x3 -> stem 35x35x384, which branches twice (Figure 3) -> three stages of inception modules,
35x35x384 (Figure 4), 17x17x1024 (Figure 5) and 8x8x1536 (Figure 6) -> global average -> logits. The
first block of the second and of the third stage halves the grid (Figures 7 and 8).

As in the authors' TensorFlow code, average pooling divides by the pixels that lie inside.
"""

from collections.abc import Sequence
from functools import partial

from keras import Input, KerasTensor, Model, layers

from kerascnn.layers import conv_bn
from kerascnn.models.inception_v3 import Unit, average_inside, chain
from kerascnn.models.published import Published
from kerascnn.models.registry import register, row
from kerascnn.models.sizes import require_at_least

WIDE, TALL = (1, 7), (7, 1)

# fmt: off
TABLE_2 = Published("Table 2 of the paper")
VARIANTS = {
    "inception_v4": row(input_shape=(299, 299, 3), top1=80.0, top5=95.0,
                        published=TABLE_2,
                        params=42_679_816, macs=12_253_974_624),
}
# fmt: on


@register(VARIANTS, paper="arXiv:1602.07261", year=2016)
def inception_v4(
    *,
    input_shape: tuple[int, int, int] = (299, 299, 3),
    num_classes: int = 1000,
    name: str = "inception_v4",
) -> Model:
    """Builds Inception-v4, which returns logits, (batch, num_classes)."""
    require_at_least(75, input_shape, name)
    unit = partial(conv_bn, epsilon=1e-3)
    x = image = Input(input_shape, name="image")
    x = stem(x, unit)
    for i in range(1, 5):
        x = module_35(x, unit, f"stage1_block{i}")
    x = reduction_35(x, (192, 224, 256, 384), unit, "stage2_block1")
    for i in range(2, 9):
        x = module_17(x, unit, f"stage2_block{i}")
    x = reduction_17(x, unit, "stage3_block1")
    for i in range(2, 5):
        x = module_8(x, unit, f"stage3_block{i}")
    x = layers.GlobalAveragePooling2D(name="head_pool")(x)
    x = layers.Dropout(0.2, name="head_dropout")(x)
    x = layers.Dense(num_classes, name="head_logits")(x)
    return Model(image, x, name=name)


def stem(x: KerasTensor, unit: Unit) -> KerasTensor:
    """Figure 3.  (299, 299, 3) -> (35, 35, 384)."""
    x = unit(x, 32, 3, 2, padding="valid", name="stem_1")
    x = unit(x, 32, 3, padding="valid", name="stem_2")
    x = unit(x, 64, 3, name="stem_3")
    pooled = layers.MaxPooling2D(3, 2, name="stem_4_pool")(x)
    x = unit(x, 96, 3, 2, padding="valid", name="stem_4")
    x = layers.Concatenate(name="stem_4_concat")([pooled, x])
    a = unit(x, 64, 1, name="stem_5_3x3_1")
    a = unit(a, 96, 3, padding="valid", name="stem_5_3x3_2")
    b = chain(x, [(64, 1), (64, WIDE), (64, TALL)], unit, "stem_5_7x7")
    b = unit(b, 96, 3, padding="valid", name="stem_5_7x7_4")
    x = layers.Concatenate(name="stem_5_concat")([a, b])
    a = unit(x, 192, 3, 2, padding="valid", name="stem_6")
    b = layers.MaxPooling2D(3, 2, name="stem_6_pool")(x)
    return layers.Concatenate(name="stem_6_concat")([a, b])


def module_35(x: KerasTensor, unit: Unit, name: str) -> KerasTensor:
    """Figure 4: two 3x3 beside one.  (H, W, C) -> (H, W, 384)."""
    a = unit(x, 96, 1, name=f"{name}_1x1")
    b = chain(x, [(64, 1), (96, 3)], unit, f"{name}_3x3")
    c = chain(x, [(64, 1), (96, 3), (96, 3)], unit, f"{name}_double3x3")
    d = unit(average_inside(x, 3, name=f"{name}_pool"), 96, 1, name=f"{name}_pool_proj")
    return layers.Concatenate(name=f"{name}_concat")([a, b, c, d])


def reduction_35(x: KerasTensor, filters: Sequence[int], unit: Unit, name: str) -> KerasTensor:
    """Figure 7 on the 35x35 grid.  (H, W, C) -> ((H - 1)/2, (W - 1)/2, n + m + C).

    filters: k, l, m and n of Table 1.
    """
    k, l, m, n = filters  # noqa: E741  the letters of the paper
    a = unit(x, n, 3, 2, padding="valid", name=f"{name}_3x3")
    b = chain(x, [(k, 1), (l, 3)], unit, f"{name}_double3x3")
    b = unit(b, m, 3, 2, padding="valid", name=f"{name}_double3x3_3")
    c = layers.MaxPooling2D(3, 2, name=f"{name}_pool")(x)
    return layers.Concatenate(name=f"{name}_concat")([a, b, c])


def module_17(x: KerasTensor, unit: Unit, name: str) -> KerasTensor:
    """Figure 5: 7x7 as 1x7 and 7x1, once and twice.  (H, W, C) -> (H, W, 1024)."""
    a = unit(x, 384, 1, name=f"{name}_1x1")
    b = chain(x, [(192, 1), (224, WIDE), (256, TALL)], unit, f"{name}_7x7")
    steps = [(192, 1), (192, TALL), (224, WIDE), (224, TALL), (256, WIDE)]
    c = chain(x, steps, unit, f"{name}_double7x7")
    d = unit(average_inside(x, 3, name=f"{name}_pool"), 128, 1, name=f"{name}_pool_proj")
    return layers.Concatenate(name=f"{name}_concat")([a, b, c, d])


def reduction_17(x: KerasTensor, unit: Unit, name: str) -> KerasTensor:
    """Figure 8 on the 17x17 grid.  (H, W, C) -> ((H - 1)/2, (W - 1)/2, 512 + C)."""
    a = unit(x, 192, 1, name=f"{name}_3x3_1")
    a = unit(a, 192, 3, 2, padding="valid", name=f"{name}_3x3_2")
    b = chain(x, [(256, 1), (256, WIDE), (320, TALL)], unit, f"{name}_7x7")
    b = unit(b, 320, 3, 2, padding="valid", name=f"{name}_7x7_4")
    c = layers.MaxPooling2D(3, 2, name=f"{name}_pool")(x)
    return layers.Concatenate(name=f"{name}_concat")([a, b, c])


def module_8(x: KerasTensor, unit: Unit, name: str) -> KerasTensor:
    """Figure 6: 1x3 and 3x1 side by side, twice.  (H, W, C) -> (H, W, 1536)."""
    a = unit(x, 256, 1, name=f"{name}_1x1")
    b = unit(x, 384, 1, name=f"{name}_3x3_1")
    c = chain(x, [(384, 1), (448, (3, 1)), (512, (1, 3))], unit, f"{name}_double3x3")
    branches = [a]
    for y, branch in ((b, f"{name}_3x3"), (c, f"{name}_double3x3")):
        branches.append(unit(y, 256, (1, 3), name=f"{branch}_1x3"))
        branches.append(unit(y, 256, (3, 1), name=f"{branch}_3x1"))
    d = unit(average_inside(x, 3, name=f"{name}_pool"), 256, 1, name=f"{name}_pool_proj")
    return layers.Concatenate(name=f"{name}_concat")([*branches, d])

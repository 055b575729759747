"""Inception-v3: Szegedy, Vanhoucke, Ioffe, Shlens & Wojna, "Rethinking the Inception Architecture
for Computer Vision", arXiv:1512.00567.

299x299x3 -> stem 35x35x192 -> three stages of inception modules, 35x35x288 (Figure 5), 17x17x768
(Figure 6, 7x7 as 1x7 and 7x1) and 8x8x2048 (Figure 7) -> global average -> logits. The first block
of the second and of the third stage halves the grid (Figure 10).

inception_v3 is torchvision's: average pooling counts the zeros around, and there is a dropout.
inception_v3_aux is its training graph: its model returns a dict, "head_logits" and the auxiliary
classifier "head_aux_logits" on the second stage, whose loss torchvision weighs 0.4. Trained, the
network to ship is

    keras.Model(model.input, model.get_layer("head_logits").output)

inception_v3_keras is keras.applications': batch normalization without gamma, no dropout.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from keras import Input, KerasTensor, Model, layers

from kerascnn.layers import activation, conv, conv_bn, padded_average_pool
from kerascnn.models.published import KERAS_IO, TORCHVISION
from kerascnn.models.registry import register, row
from kerascnn.models.sizes import require_at_least

Steps = Sequence[
    tuple[int, int | tuple[int, int]]
]  # (filters, kernel size) of convolutions in a row
Unit = Callable[..., KerasTensor]  # a convolution or a pooling: (x, ..., name=) -> a tensor

# fmt: off
SIZE: dict[str, Any] = {"input_shape": (299, 299, 3)}
VARIANTS = {
    "inception_v3": row(**SIZE, top1=77.294, top5=93.45, published=TORCHVISION,
                        params=23_834_568, macs=5_713_216_096),
    "inception_v3_aux": row(aux=True, auxiliary={"head_aux_logits": 0.4}, **SIZE,
                            top1=77.294, top5=93.45, published=TORCHVISION,
                            params=27_161_264, macs=5_718_899_296),
    "inception_v3_keras": row(keras=True, **SIZE, top1=77.9, top5=93.7, published=KERAS_IO,
                              params=23_817_352, macs=5_713_216_096),
}
# fmt: on


@register(VARIANTS, paper="arXiv:1512.00567", year=2015)
def inception_v3(
    *,
    keras: bool = False,
    aux: bool = False,
    input_shape: tuple[int, int, int] = (299, 299, 3),
    num_classes: int = 1000,
    name: str = "inception_v3",
) -> Model:
    """Builds Inception-v3; returns logits, (batch, num_classes), or a dict of them with `aux`.

    keras: the form of keras.applications. aux: with the auxiliary classifier.
    """
    require_at_least(299 if aux else 75, input_shape, name)
    unit = conv_bn_without_gamma if keras else partial(conv_bn, epsilon=1e-3)
    average = average_inside if keras else padded_average_pool
    x = image = Input(input_shape, name="image")
    x = unit(x, 32, 3, 2, padding="valid", name="stem_1")
    x = unit(x, 32, 3, padding="valid", name="stem_2")
    x = unit(x, 64, 3, name="stem_3")
    x = layers.MaxPooling2D(3, 2, name="stem_3_pool")(x)
    x = unit(x, 80, 1, padding="valid", name="stem_4")
    x = unit(x, 192, 3, padding="valid", name="stem_5")
    x = layers.MaxPooling2D(3, 2, name="stem_5_pool")(x)
    for i, proj in enumerate((32, 64, 64), start=1):
        x = factorized_5x5(x, proj, unit, average, f"stage1_block{i}")
    x = reduction_35(x, unit, "stage2_block1")
    for i, width in enumerate((128, 160, 160, 192), start=2):
        x = factorized_7x7(x, width, unit, average, f"stage2_block{i}")
    outputs = {}
    if aux:
        outputs["head_aux_logits"] = auxiliary(x, unit, num_classes, "head_aux")
    x = reduction_17(x, unit, "stage3_block1")
    for i in (2, 3):
        x = expanded(x, unit, average, f"stage3_block{i}")
    x = layers.GlobalAveragePooling2D(name="head_pool")(x)
    x = x if keras else layers.Dropout(0.5, name="head_dropout")(x)
    logits = layers.Dense(num_classes, name="head_logits")(x)
    return Model(image, {"head_logits": logits, **outputs} if aux else logits, name=name)


def conv_bn_without_gamma(
    x: KerasTensor,
    filters: int,
    kernel_size: int,
    strides: int = 1,
    *,
    padding: str = "symmetric",
    name: str,
) -> KerasTensor:
    """Convolution, batch normalization that only shifts, ReLU."""
    x = conv(x, filters, kernel_size, strides, padding=padding, use_bias=False, name=name)
    x = layers.BatchNormalization(scale=False, epsilon=1e-3, name=f"{name}_bn")(x)
    return activation(x, "relu", name)


def average_inside(x: KerasTensor, pool_size: int, *, name: str) -> KerasTensor:
    """Average pooling at stride 1 over the pixels that lie inside.  (H, W, C) -> (H, W, C)."""
    return layers.AveragePooling2D(pool_size, 1, "same", name=name)(x)


def chain(x: KerasTensor, steps: Steps, unit: Unit, name: str) -> KerasTensor:
    """Convolutions (filters, kernel size) one behind the other: `{name}_1`, `{name}_2`, ..."""
    for k, (filters, kernel_size) in enumerate(steps, start=1):
        x = unit(x, filters, kernel_size, name=f"{name}_{k}")
    return x


def factorized_5x5(x: KerasTensor, proj: int, unit: Unit, average: Unit, name: str) -> KerasTensor:
    """Figure 5: two 3x3 for a 5x5, beside a 5x5.  (H, W, C) -> (H, W, 224 + proj)."""
    a = unit(x, 64, 1, name=f"{name}_1x1")
    b = chain(x, [(48, 1), (64, 5)], unit, f"{name}_5x5")
    c = chain(x, [(64, 1), (96, 3), (96, 3)], unit, f"{name}_double3x3")
    d = unit(average(x, 3, name=f"{name}_pool"), proj, 1, name=f"{name}_pool_proj")
    return layers.Concatenate(name=f"{name}_concat")([a, b, c, d])


def reduction_35(x: KerasTensor, unit: Unit, name: str) -> KerasTensor:
    """Figure 10 on the 35x35 grid.  (H, W, C) -> ((H - 1)/2, (W - 1)/2, 480 + C)."""
    a = unit(x, 384, 3, 2, padding="valid", name=f"{name}_3x3")
    b = chain(x, [(64, 1), (96, 3)], unit, f"{name}_double3x3")
    b = unit(b, 96, 3, 2, padding="valid", name=f"{name}_double3x3_3")
    c = layers.MaxPooling2D(3, 2, name=f"{name}_pool")(x)
    return layers.Concatenate(name=f"{name}_concat")([a, b, c])


def factorized_7x7(x: KerasTensor, width: int, unit: Unit, average: Unit, name: str) -> KerasTensor:
    """Figure 6 with n = 7; width: of the inner convolutions.  (H, W, C) -> (H, W, 768)."""
    wide, tall = (1, 7), (7, 1)
    a = unit(x, 192, 1, name=f"{name}_1x1")
    b = chain(x, [(width, 1), (width, wide), (192, tall)], unit, f"{name}_7x7")
    steps = [(width, 1), (width, tall), (width, wide), (width, tall), (192, wide)]
    c = chain(x, steps, unit, f"{name}_double7x7")
    d = unit(average(x, 3, name=f"{name}_pool"), 192, 1, name=f"{name}_pool_proj")
    return layers.Concatenate(name=f"{name}_concat")([a, b, c, d])


def reduction_17(x: KerasTensor, unit: Unit, name: str) -> KerasTensor:
    """The same on the 17x17 grid.  (H, W, C) -> ((H - 1)/2, (W - 1)/2, 512 + C)."""
    a = unit(x, 192, 1, name=f"{name}_3x3_1")
    a = unit(a, 320, 3, 2, padding="valid", name=f"{name}_3x3_2")
    b = chain(x, [(192, 1), (192, (1, 7)), (192, (7, 1))], unit, f"{name}_7x7")
    b = unit(b, 192, 3, 2, padding="valid", name=f"{name}_7x7_4")
    c = layers.MaxPooling2D(3, 2, name=f"{name}_pool")(x)
    return layers.Concatenate(name=f"{name}_concat")([a, b, c])


def expanded(x: KerasTensor, unit: Unit, average: Unit, name: str) -> KerasTensor:
    """Figure 7: 1x3 and 3x1 side by side.  (H, W, C) -> (H, W, 2048)."""
    a = unit(x, 320, 1, name=f"{name}_1x1")
    b = unit(x, 384, 1, name=f"{name}_3x3_1")
    c = chain(x, [(448, 1), (384, 3)], unit, f"{name}_double3x3")
    branches = [a]
    for y, branch in ((b, f"{name}_3x3"), (c, f"{name}_double3x3")):
        branches.append(unit(y, 384, (1, 3), name=f"{branch}_1x3"))
        branches.append(unit(y, 384, (3, 1), name=f"{branch}_3x1"))
    d = unit(average(x, 3, name=f"{name}_pool"), 192, 1, name=f"{name}_pool_proj")
    return layers.Concatenate(name=f"{name}_concat")([*branches, d])


def auxiliary(x: KerasTensor, unit: Unit, num_classes: int, name: str) -> KerasTensor:
    """The auxiliary classifier.  (17, 17, 768) -> 5x5x128 -> 1x1x768 -> (num_classes,)."""
    x = layers.AveragePooling2D(5, 3, name=f"{name}_pool")(x)
    x = unit(x, 128, 1, name=f"{name}_1")
    x = unit(x, 768, 5, padding="valid", name=f"{name}_2")
    x = layers.GlobalAveragePooling2D(name=f"{name}_2_pool")(x)
    return layers.Dense(num_classes, name=f"{name}_logits")(x)

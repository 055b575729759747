"""ResNet v2: He, Zhang, Ren & Sun, "Identity Mappings in Deep Residual Networks",
arXiv:1603.05027.

Normalization and ReLU come before each convolution, and nothing comes after the addition: from
end to end a path of identities. Where a unit changes the shape, its first normalization and ReLU
serve both branches, and its 1x1 shortcut has no normalization of its own.

ImageNet: the stem and stages of ResNet-50 to 152. CIFAR: stem 32x32x16 -> three stages, 32, 16 and
8 pixels wide, of 16e, 32e and 64e channels. Then batch normalization, ReLU, average, logits.

In the rows _torch, timm's, the stem neither normalizes nor rectifies.

The 3x3 of an ImageNet bottleneck strides; in the CIFAR rows it is the first 1x1, as in the
authors' files. The rows _v2_keras are keras.applications' networks: a stage halves the image in
its last unit, whose shortcut takes every second pixel; the stem neither normalizes nor rectifies;
stem, last 1x1 and shortcuts have biases.
"""

from collections.abc import Callable, Sequence

from keras import Input, KerasTensor, Model, layers

from kerascnn.layers import (
    batch_norm,
    bn_conv,
    centered_max_pool,
    conv,
    conv_bn,
    identity_shortcut,
    padded_max_pool,
)
from kerascnn.models.graph import allow_depth
from kerascnn.models.published import KERAS_IO, Published
from kerascnn.models.registry import register, row
from kerascnn.models.resnet import head


def basic(x: KerasTensor, filters: int, strides: int, name: str) -> KerasTensor:
    """Two 3x3, a shortcut without weights.  (H, W, C) -> (H/strides, W/strides, filters)."""
    shortcut = x
    x = batch_norm(x, name=f"{name}_1")
    if shortcut.shape[-1] != filters:
        shortcut = identity_shortcut(x, filters, strides, name=f"{name}_proj")
    x = conv(x, filters, 3, strides, use_bias=False, name=f"{name}_1")
    x = bn_conv(x, filters, 3, name=f"{name}_2")
    return layers.Add(name=f"{name}_add")([x, shortcut])


def bottleneck(
    x: KerasTensor, filters: int, strides: int, name: str, *, preact: bool = True
) -> KerasTensor:
    """1x1 down, 3x3, 1x1 up, each pre-activated.  (H, W, C) -> (H/strides, W/strides, 4 filters).

    preact: False where x comes out of a ReLU.
    """
    shortcut = x
    x = batch_norm(x, name=f"{name}_1") if preact else x
    if shortcut.shape[-1] != 4 * filters:
        shortcut = conv(x, 4 * filters, 1, strides, use_bias=False, name=f"{name}_proj")
    x = conv(x, filters, 1, use_bias=False, name=f"{name}_1")
    x = bn_conv(x, filters, 3, strides, name=f"{name}_2")
    x = bn_conv(x, 4 * filters, 1, name=f"{name}_3")
    return layers.Add(name=f"{name}_add")([x, shortcut])


def bottleneck_cifar(x: KerasTensor, filters: int, strides: int, name: str) -> KerasTensor:
    """The bottleneck of the CIFAR networks: it strides on the 1x1 that goes down."""
    shortcut = x
    x = batch_norm(x, name=f"{name}_1")
    if shortcut.shape[-1] != 4 * filters:
        shortcut = conv(x, 4 * filters, 1, strides, use_bias=False, name=f"{name}_proj")
    x = conv(x, filters, 1, strides, use_bias=False, name=f"{name}_1")
    x = bn_conv(x, filters, 3, name=f"{name}_2")
    x = bn_conv(x, 4 * filters, 1, name=f"{name}_3")
    return layers.Add(name=f"{name}_add")([x, shortcut])


def bottleneck_keras(x: KerasTensor, filters: int, strides: int, name: str) -> KerasTensor:
    """keras.applications' unit: the shortcut of a strided one has no weights, the others biases."""
    shortcut = x
    x = batch_norm(x, name=f"{name}_1")
    if shortcut.shape[-1] != 4 * filters:
        shortcut = conv(x, 4 * filters, 1, name=f"{name}_proj")
    else:
        shortcut = identity_shortcut(shortcut, 4 * filters, strides, name=f"{name}_proj")
    x = conv(x, filters, 1, use_bias=False, name=f"{name}_1")
    x = bn_conv(x, filters, 3, strides, name=f"{name}_2")
    x = bn_conv(x, 4 * filters, 1, use_bias=True, name=f"{name}_3")
    return layers.Add(name=f"{name}_add")([x, shortcut])


# fmt: off
TABLE_4 = Published("Table 4 of the paper", "whole")
TABLE_5 = Published("Table 5 of the paper", "larger-crop")  # of 320x320
CIFAR10 = {"input_shape": (32, 32, 3), "num_classes": 10}
IMAGENET = {
    "resnet50_v2": row(depth=(3, 4, 6, 3), params=25_549_352, macs=4_089_184_256),
    "resnet101_v2": row(depth=(3, 4, 23, 3), params=44_541_480, macs=7_801_405_440),
    "resnet152_v2": row(depth=(3, 8, 36, 3), top1=78.9, top5=94.5, published=TABLE_5,
                        params=60_185_128, macs=11_513_626_624),
    "resnet50_v2_torch": row(depth=(3, 4, 6, 3), bare_stem=True,
                             params=25_549_352, macs=4_089_184_256),
    "resnet101_v2_torch": row(depth=(3, 4, 23, 3), bare_stem=True,
                              params=44_541_480, macs=7_801_405_440),
    "resnet152_v2_torch": row(depth=(3, 8, 36, 3), bare_stem=True,
                              params=60_185_128, macs=11_513_626_624),
}
KERAS = {
    "resnet50_v2_keras": row(depth=(3, 4, 6, 3), top1=76.0, top5=93.0, published=KERAS_IO,
                             params=25_568_360, macs=3_482_255_360),
    "resnet101_v2_keras": row(depth=(3, 4, 23, 3), top1=77.2, top5=93.8, published=KERAS_IO,
                              params=44_577_896, macs=7_194_476_544),
    "resnet152_v2_keras": row(depth=(3, 8, 36, 3), top1=78.0, top5=94.2, published=KERAS_IO,
                              params=60_236_904, macs=10_906_697_728),
}
CIFAR = {
    "resnet110_v2": row(unit=basic, depth=18, params=1_727_962, macs=252_887_680, **CIFAR10),
    "resnet164_v2": row(unit=bottleneck_cifar, depth=18, top1=94.54, published=TABLE_4,
                        params=1_703_258, macs=244_500_992, **CIFAR10),
    "resnet1001_v2": row(unit=bottleneck_cifar, depth=111, top1=95.08, published=TABLE_4,
                         params=10_327_706, macs=1_487_849_984, **CIFAR10),
}
# fmt: on


@register(IMAGENET, paper="arXiv:1603.05027", year=2016)
def resnet_v2(
    depth: Sequence[int],
    *,
    bare_stem: bool = False,
    input_shape: tuple[int, int, int] = (224, 224, 3),
    num_classes: int = 1000,
    name: str = "resnet_v2",
) -> Model:
    """Builds a ResNet v2 of `depth` units in each stage; returns logits, (batch, num_classes).

    bare_stem: the first normalization and ReLU stand in the first unit, behind the pooling.
    """
    x = image = Input(input_shape, name="image")
    if bare_stem:
        x = conv(x, 64, 7, 2, use_bias=False, name="stem")
        x = centered_max_pool(x, 3, 2, name="stem_pool")
    else:
        x = conv_bn(x, 64, 7, 2, name="stem")
        x = padded_max_pool(x, 3, 2, name="stem_pool")
    for stage, units in enumerate(depth, start=1):
        for i in range(1, units + 1):
            strides = 2 if stage > 1 and i == 1 else 1
            preact = bare_stem or stage > 1 or i > 1
            x = bottleneck(x, 32 * 2**stage, strides, f"stage{stage}_block{i}", preact=preact)
    return Model(image, head(batch_norm(x, name="head"), num_classes), name=name)


@register(KERAS, paper="arXiv:1603.05027", year=2016)
def resnet_v2_keras(
    depth: Sequence[int],
    *,
    input_shape: tuple[int, int, int] = (224, 224, 3),
    num_classes: int = 1000,
    name: str = "resnet_v2_keras",
) -> Model:
    """Builds keras.applications' ResNet v2 of `depth` units in each stage; returns logits."""
    x = image = Input(input_shape, name="image")
    x = conv(x, 64, 7, 2, name="stem")
    x = padded_max_pool(x, 3, 2, name="stem_pool")
    for stage, units in enumerate(depth, start=1):
        for i in range(1, units + 1):
            strides = 2 if stage < len(depth) and i == units else 1
            x = bottleneck_keras(x, 32 * 2**stage, strides, f"stage{stage}_block{i}")
    return Model(image, head(batch_norm(x, name="head"), num_classes), name=name)


@register(CIFAR, paper="arXiv:1603.05027", year=2016)
def resnet_v2_cifar(
    unit: Callable[..., KerasTensor],
    depth: int,
    *,
    filters: Sequence[int] = (16, 32, 64),
    input_shape: tuple[int, int, int] = (32, 32, 3),
    num_classes: int = 10,
    name: str = "resnet_v2_cifar",
) -> Model:
    """Builds a CIFAR ResNet v2 that returns logits, (batch, num_classes).

    unit: what computes one residual unit. depth: units in each stage. filters: of each stage.
    """
    allow_depth(9 * len(filters) * depth)
    x = image = Input(input_shape, name="image")
    x = conv(x, 16, 3, use_bias=False, name="stem")
    for stage, width in enumerate(filters, start=1):
        for i in range(1, depth + 1):
            strides = 2 if stage > 1 and i == 1 else 1
            x = unit(x, width, strides, f"stage{stage}_block{i}")
    return Model(image, head(batch_norm(x, name="head"), num_classes), name=name)

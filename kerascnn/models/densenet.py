"""DenseNet: Huang, Liu, van der Maaten & Weinberger, "Densely Connected Convolutional Networks",
arXiv:1608.06993.

Every layer adds `growth` channels to all that came before it in its block. A transition, 1x1 and
2x2 average, opens every block but the first: it halves the image and, with compression, the
channels.

ImageNet ("BC"): 224x224x3 -> stem 56x56x64 -> four blocks, 56, 28, 14 and 7 pixels wide -> batch
normalization, ReLU, average -> logits. CIFAR: stem 32x32x16, or 2 growth with "BC" -> three
blocks, 32, 16 and 8 pixels wide -> the same. "BC": bottlenecks and compression by a half.

Without the dropout of CIFAR training without augmentation.
"""

from collections.abc import Sequence

from keras import Input, KerasTensor, Model, layers

from kerascnn.layers import batch_norm, bn_conv, conv, conv_bn, padded_max_pool
from kerascnn.models.published import CIFAR_REPOSITORY, TORCHVISION
from kerascnn.models.registry import register, row
from kerascnn.models.resnet import head
from kerascnn.models.sizes import require_at_least

# fmt: off
IMAGENET = {  # Table 1
    "densenet121": row(depth=(6, 12, 24, 16), top1=74.434, top5=91.972, published=TORCHVISION,
                       params=7_978_856, macs=2_834_161_664),
    "densenet169": row(depth=(6, 12, 32, 32), top1=75.6, top5=92.806, published=TORCHVISION,
                       params=14_149_480, macs=3_359_843_328),
    "densenet201": row(depth=(6, 12, 48, 32), top1=76.896, top5=93.37, published=TORCHVISION,
                       params=20_013_928, macs=4_291_365_888),
}
CIFAR10 = {"input_shape": (32, 32, 3), "num_classes": 10}
CIFAR = {  # Table 2, C10+; names give layers and growth
    "densenet40_12": row(depth=12, growth=12, bc=False, top1=94.76, published=CIFAR_REPOSITORY,
                         params=1_019_722, macs=264_812_928, **CIFAR10),
    "densenet100_12": row(depth=32, growth=12, bc=False, top1=95.9, published=CIFAR_REPOSITORY,
                          params=6_979_642, macs=1_769_516_448, **CIFAR10),
    "densenet_bc100_12": row(depth=16, growth=12, bc=True, top1=95.49, published=CIFAR_REPOSITORY,
                             params=769_162, macs=287_929_692, **CIFAR10),
    "densenet_bc250_24": row(depth=41, growth=24, bc=True, top1=96.38, published=CIFAR_REPOSITORY,
                             params=15_324_406, macs=5_418_785_724, **CIFAR10),
    "densenet_bc190_40": row(depth=31, growth=40, bc=True, top1=96.54, published=CIFAR_REPOSITORY,
                             params=25_624_430, macs=9_301_945_740, **CIFAR10),
}
# fmt: on


@register(IMAGENET, paper="arXiv:1608.06993", year=2016)
def densenet(
    depth: Sequence[int],
    *,
    growth: int = 32,
    input_shape: tuple[int, int, int] = (224, 224, 3),
    num_classes: int = 1000,
    name: str = "densenet",
) -> Model:
    """Builds a DenseNet-BC that returns logits, (batch, num_classes).

    depth: layers in each block. growth: channels each of them adds.
    """
    require_at_least(29, input_shape, name)
    x = image = Input(input_shape, name="image")
    x = conv_bn(x, 2 * growth, 7, 2, name="stem")
    x = padded_max_pool(x, 3, 2, name="stem_pool")
    x = blocks(x, depth, growth, bottleneck=True, compression=0.5)
    return Model(image, head(x, num_classes), name=name)


@register(CIFAR, paper="arXiv:1608.06993", year=2016)
def densenet_cifar(
    depth: int,
    growth: int,
    *,
    bc: bool,
    input_shape: tuple[int, int, int] = (32, 32, 3),
    num_classes: int = 10,
    name: str = "densenet_cifar",
) -> Model:
    """Builds a CIFAR DenseNet that returns logits, (batch, num_classes).

    depth: layers in each block. growth: channels each of them adds. bc: bottlenecks, compression.
    """
    require_at_least(4, input_shape, name)
    x = image = Input(input_shape, name="image")
    x = conv(x, 2 * growth if bc else 16, 3, use_bias=False, name="stem")
    x = blocks(x, (depth,) * 3, growth, bottleneck=bc, compression=0.5 if bc else 1.0)
    return Model(image, head(x, num_classes), name=name)


def blocks(
    x: KerasTensor, depth: Sequence[int], growth: int, *, bottleneck: bool, compression: float
) -> KerasTensor:
    """Dense blocks with transitions between them, batch normalization and ReLU at the end."""
    for stage, count in enumerate(depth, start=1):
        if stage > 1:
            x = transition(x, int(compression * x.shape[-1]), f"stage{stage}_transition")
        for i in range(1, count + 1):
            x = dense_layer(x, growth, bottleneck, f"stage{stage}_block{i}")
    return batch_norm(x, name="head")


def dense_layer(x: KerasTensor, growth: int, bottleneck: bool, name: str) -> KerasTensor:
    """3x3 behind, with `bottleneck`, a 1x1 to 4 growth.  (H, W, C) -> (H, W, C + growth)."""
    new = bn_conv(x, 4 * growth, 1, name=f"{name}_1") if bottleneck else x
    new = bn_conv(new, growth, 3, name=f"{name}_2")
    return layers.Concatenate(name=f"{name}_concat")([x, new])


def transition(x: KerasTensor, filters: int, name: str) -> KerasTensor:
    """1x1, 2x2 average.  (H, W, C) -> (H/2, W/2, filters)."""
    x = bn_conv(x, filters, 1, name=name)
    return layers.AveragePooling2D(2, name=f"{name}_pool")(x)

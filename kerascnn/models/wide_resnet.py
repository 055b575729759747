"""Wide ResNet: Zagoruyko & Komodakis, "Wide Residual Networks", arXiv:1605.07146.

CIFAR, d = 6n + 4 layers, k times as wide: 32x32x3 -> stem 32x32x16 -> three stages of n
pre-activated units, 32, 16 and 8 pixels wide, of 16k, 32k and 64k channels -> batch normalization,
ReLU, average, logits. The first unit of every stage has a 1x1 convolution as its shortcut.

ImageNet, wide_resnet50_2: ResNet-50 with twice the channels inside each bottleneck.
"""

from collections.abc import Sequence
from functools import partial

from keras import KerasTensor, Model, layers

from kerascnn.layers import batch_norm, conv
from kerascnn.models.published import CIFAR_REPOSITORY, TORCHVISION
from kerascnn.models.registry import register, row
from kerascnn.models.resnet import bottleneck, resnet
from kerascnn.models.resnet_v2 import resnet_v2_cifar

# fmt: off
CIFAR10 = {"input_shape": (32, 32, 3), "num_classes": 10}
CIFAR = {  # Table 5
    "wide_resnet16_8": row(depth=2, widen=8, params=10_961_370, macs=1_548_145_664, **CIFAR10),
    "wide_resnet28_10": row(depth=4, widen=10, top1=96.0, published=CIFAR_REPOSITORY,
                            params=36_479_194, macs=5_243_328_768, **CIFAR10),
    "wide_resnet28_10_dropout": row(depth=4, widen=10, dropout=0.3,
                                    params=36_479_194, macs=5_243_328_768, **CIFAR10),
    "wide_resnet40_4": row(depth=6, widen=4, params=8_949_210, macs=1_298_582_016, **CIFAR10),
}
IMAGENET = {
    "wide_resnet50_2": row(depth=(3, 4, 6, 3), widen=2,
                           top1=78.468, top5=94.086, published=TORCHVISION,
                           params=68_883_240, macs=11_398_021_120),
}
# fmt: on


def unit(
    x: KerasTensor, filters: int, strides: int, name: str, *, dropout: float = 0.0
) -> KerasTensor:
    """Two 3x3, pre-activated.  (H, W, C) -> (H/strides, W/strides, filters)."""
    shortcut = x
    x = batch_norm(x, name=f"{name}_1")
    if shortcut.shape[-1] != filters:
        shortcut = conv(x, filters, 1, strides, use_bias=False, name=f"{name}_proj")
    x = conv(x, filters, 3, strides, use_bias=False, name=f"{name}_1")
    x = batch_norm(x, name=f"{name}_2")
    if dropout:
        x = layers.Dropout(dropout, name=f"{name}_2_dropout")(x)
    x = conv(x, filters, 3, use_bias=False, name=f"{name}_2")
    return layers.Add(name=f"{name}_add")([x, shortcut])


@register(CIFAR, paper="arXiv:1605.07146", year=2016)
def wide_resnet(
    depth: int,
    widen: int,
    *,
    dropout: float = 0.0,
    input_shape: tuple[int, int, int] = (32, 32, 3),
    num_classes: int = 10,
    name: str = "wide_resnet",
) -> Model:
    """Builds a CIFAR Wide ResNet that returns logits, (batch, num_classes).

    depth: n, units in each stage. widen: k. dropout: rate between the two convolutions of a unit.
    """
    return resnet_v2_cifar(
        partial(unit, dropout=dropout),
        depth,
        filters=(16 * widen, 32 * widen, 64 * widen),
        input_shape=input_shape,
        num_classes=num_classes,
        name=name,
    )


@register(IMAGENET, paper="arXiv:1605.07146", year=2016)
def wide_resnet_imagenet(
    depth: Sequence[int],
    widen: int,
    *,
    input_shape: tuple[int, int, int] = (224, 224, 3),
    num_classes: int = 1000,
    name: str = "wide_resnet",
) -> Model:
    """Builds a ResNet of bottlenecks `widen` times as wide inside; returns logits."""
    return resnet(
        partial(bottleneck, widen=widen),
        depth,
        input_shape=input_shape,
        num_classes=num_classes,
        name=name,
    )

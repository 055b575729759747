"""ResNeXt: Xie, Girshick, Dollar, Tu & He, "Aggregated Residual Transformations for Deep Neural
Networks", arXiv:1611.05431.

A ResNet whose bottlenecks hold C parallel paths of d channels ("C x d"), written as one grouped
3x3 convolution: form (c) of Figure 3. d doubles from stage to stage, C stays.

ImageNet: stem and stages of ResNet. CIFAR, 29 layers: 32x32x3 -> stem 32x32x64 -> three stages of
three blocks, 32, 16 and 8 pixels wide, of 256, 512 and 1024 channels -> global average -> logits.
"""

from collections.abc import Callable, Sequence
from functools import partial

from keras import Input, KerasTensor, Model

from kerascnn.layers import conv_bn
from kerascnn.models.published import TORCHVISION, Published
from kerascnn.models.registry import register, row
from kerascnn.models.resnet import bottleneck, head, resnet, stages

# fmt: off
LATER_TORCHVISION = Published("torchvision, its only weights", "new-recipe")
CIFAR10 = {"input_shape": (32, 32, 3), "num_classes": 10}
CIFAR = {  # Table 7
    "resnext29_8x64d": row(cardinality=8, width=64,
                           params=34_426_698, macs=5_387_266_048, **CIFAR10),
    "resnext29_16x64d": row(cardinality=16, width=64,
                            params=68_155_210, macs=10_688_866_304, **CIFAR10),
}
IMAGENET = {  # torchvision added 101 32x8d
    "resnext50_32x4d": row(depth=(3, 4, 6, 3), cardinality=32, width=4,
                           top1=77.618, top5=93.698, published=TORCHVISION,
                           params=25_028_904, macs=4_230_479_872),
    "resnext101_32x8d": row(depth=(3, 4, 23, 3), cardinality=32, width=8,
                            top1=79.312, top5=94.526, published=TORCHVISION,
                            params=88_791_336, macs=16_414_015_488),
    "resnext101_64x4d": row(depth=(3, 4, 23, 3), cardinality=64, width=4,
                            top1=83.246, top5=96.454, published=LATER_TORCHVISION,
                            params=83_455_272, macs=15_460_270_080),
}
# fmt: on


def paths(cardinality: int, width: int) -> Callable[..., KerasTensor]:
    """The block: a bottleneck of `cardinality` groups, `width` channels each in stage 1."""
    return partial(bottleneck, widen=cardinality * width // 64, groups=cardinality)


@register(IMAGENET, paper="arXiv:1611.05431", year=2016)
def resnext(
    depth: Sequence[int],
    cardinality: int,
    width: int,
    *,
    input_shape: tuple[int, int, int] = (224, 224, 3),
    num_classes: int = 1000,
    name: str = "resnext",
) -> Model:
    """Builds a ResNeXt of `depth` blocks in each stage; returns logits, (batch, num_classes)."""
    return resnet(
        paths(cardinality, width),
        depth,
        input_shape=input_shape,
        num_classes=num_classes,
        name=name,
    )


@register(CIFAR, paper="arXiv:1611.05431", year=2016)
def resnext_cifar(
    cardinality: int,
    width: int,
    *,
    input_shape: tuple[int, int, int] = (32, 32, 3),
    num_classes: int = 10,
    name: str = "resnext29",
) -> Model:
    """Builds a CIFAR ResNeXt-29 that returns logits, (batch, num_classes)."""
    x = image = Input(input_shape, name="image")
    x = conv_bn(x, 64, 3, name="stem")
    x = stages(x, paths(cardinality, width), (3, 3, 3))
    return Model(image, head(x, num_classes), name=name)

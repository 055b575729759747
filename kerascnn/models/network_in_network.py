"""Network in Network: Lin, Chen & Yan, arXiv:1312.4400.

A block is a convolution and two 1x1 convolutions, each with a ReLU: a small perceptron slid over
the image. The last block ends in one map a class, and its average is the logit: no dense layer.

CIFAR: 32x32x3 -> 32x32x96 -> 16x16x192 -> 8x8xclasses -> logits.
ImageNet: 224x224x3 -> 54x54x96 -> 27x27x256 -> 13x13x384 -> 6x6xclasses -> logits.

As in the authors' own files: the class maps go through a ReLU too, pooling is the maximum and
rounds up.
"""

from collections.abc import Sequence
from typing import Any

from keras import Input, KerasTensor, Model, layers

from kerascnn.layers import ceil_max_pool, conv
from kerascnn.models.published import CAFFE, Published
from kerascnn.models.registry import register, row
from kerascnn.models.sizes import require_at_least

# fmt: off
TABLE_1 = Published("Table 1 of the paper", "whole")
TABLE_2 = Published("Table 2 of the paper", "whole")
CIFAR: dict[str, Any] = {"input_shape": (32, 32, 3)}
VARIANTS = {  # Tables 1 and 2, without augmentation
    "nin_cifar10": row(**CIFAR, num_classes=10, top1=89.59, published=TABLE_1,
                       params=966_986, macs=222_486_528),
    "nin_cifar100": row(**CIFAR, num_classes=100, top1=64.3, published=TABLE_2,
                        params=984_356, macs=223_592_448),
}
IMAGENET = {
    "nin_imagenet": row(top1=59.36, published=CAFFE, params=7_595_176, macs=1_100_188_800),
}
# fmt: on


@register(VARIANTS, paper="arXiv:1312.4400", year=2013)
def nin_cifar(
    *,
    input_shape: tuple[int, int, int] = (32, 32, 3),
    num_classes: int = 10,
    name: str = "nin_cifar",
) -> Model:
    """Builds the network for CIFAR; returns logits, (batch, num_classes)."""
    require_at_least(6, input_shape, name)
    x = image = Input(input_shape, name="image")
    x = mlpconv(x, (192, 160, 96), 5, name="stage1")
    x = ceil_max_pool(x, 3, 2, name="stage1_pool")
    x = layers.Dropout(0.5, name="stage1_dropout")(x)
    x = mlpconv(x, (192, 192, 192), 5, name="stage2")
    x = ceil_max_pool(x, 3, 2, name="stage2_pool")
    x = layers.Dropout(0.5, name="stage2_dropout")(x)
    x = mlpconv(x, (192, 192, num_classes), 3, name="stage3")
    x = layers.GlobalAveragePooling2D(name="head_logits")(x)
    return Model(image, x, name=name)


@register(IMAGENET, paper="arXiv:1312.4400", year=2013)
def nin_imagenet(
    *,
    input_shape: tuple[int, int, int] = (224, 224, 3),
    num_classes: int = 1000,
    name: str = "nin_imagenet",
) -> Model:
    """Builds the network for ImageNet; returns logits, (batch, num_classes)."""
    require_at_least(55, input_shape, name)
    x = image = Input(input_shape, name="image")
    x = mlpconv(x, (96, 96, 96), 11, 4, padding="valid", name="stage1")
    x = ceil_max_pool(x, 3, 2, name="stage1_pool")
    x = mlpconv(x, (256, 256, 256), 5, name="stage2")
    x = ceil_max_pool(x, 3, 2, name="stage2_pool")
    x = mlpconv(x, (384, 384, 384), 3, name="stage3")
    x = ceil_max_pool(x, 3, 2, name="stage3_pool")
    x = layers.Dropout(0.5, name="stage3_dropout")(x)
    x = mlpconv(x, (1024, 1024, num_classes), 3, name="stage4")
    x = layers.GlobalAveragePooling2D(name="head_logits")(x)
    return Model(image, x, name=name)


def mlpconv(
    x: KerasTensor,
    filters: Sequence[int],
    kernel_size: int,
    strides: int = 1,
    *,
    padding: str = "symmetric",
    name: str,
) -> KerasTensor:
    """One spatial convolution, then 1x1 ones.  (H, W, C) -> (H/strides, W/strides, filters[-1])."""
    first, *rest = filters
    x = conv(x, first, kernel_size, strides, padding=padding, act="relu", name=f"{name}_1")
    for k, maps in enumerate(rest, start=2):
        x = conv(x, maps, 1, act="relu", name=f"{name}_{k}")
    return x

"""AlexNet: Krizhevsky, Sutskever & Hinton, "ImageNet Classification with Deep Convolutional Neural
Networks", NIPS 2012; and its one-tower form of Krizhevsky, "One weird trick for parallelizing
convolutional neural networks", arXiv:1404.5997, 2014.

227x227x3 -> 55x55x96 -> 27x27x256 -> three convolutions, 13x13x384, 384 and 256 -> 6x6x256 ->
4096 -> 4096 -> logits.

The paper says 224x224 and computes with 227x227. Its two towers, one on each GPU, are the two
groups of the second, fourth and fifth convolution. alexnet_ungrouped has the same widths in one
tower. alexnet_one_tower has the widths of 2014, takes 224x224, and has no response normalization,
as in torchvision.

Departs from the paper in one place: all biases start at 0.
"""

from typing import Any

from keras import Input, KerasTensor, Model, layers

from kerascnn.errors import UserError
from kerascnn.layers import LocalResponseNormalization, conv, dense_head
from kerascnn.models.published import CAFFE, TORCHVISION, Published
from kerascnn.models.registry import register, row
from kerascnn.models.sizes import require_at_least

# fmt: off
IMGCLSMOB = Published("imgclsmob")
SIZE: dict[str, Any] = {"input_shape": (227, 227, 3)}
VARIANTS = {
    "alexnet": row(groups=2, **SIZE, top1=57.1, top5=80.2, published=CAFFE,
                   params=60_965_224, macs=724_406_816),
    "alexnet_ungrouped": row(groups=1, **SIZE, top1=61.9, top5=83.9, published=IMGCLSMOB,
                             params=62_378_344, macs=1_135_256_096),
}
ONE_TOWER = {
    "alexnet_one_tower": row(top1=56.522, top5=79.066, published=TORCHVISION,
                             params=61_100_840, macs=714_188_480),
}
# fmt: on


@register(VARIANTS, paper="NIPS 2012", year=2012)
def alexnet(
    groups: int = 2,
    *,
    input_shape: tuple[int, int, int] = (227, 227, 3),
    num_classes: int = 1000,
    name: str = "alexnet",
) -> Model:
    """Builds AlexNet with `groups` towers; returns logits, (batch, num_classes).

    Raises:
        UserError: images on which a stride does not fit.
    """
    require_fit(input_shape, name)
    x = image = Input(input_shape, name="image")
    x = conv(x, 96, 11, 4, padding="valid", act="relu", name="stage1")
    x = normalize_and_pool(x, "stage1")
    x = conv(x, 256, 5, groups=groups, act="relu", name="stage2")
    x = normalize_and_pool(x, "stage2")
    x = conv(x, 384, 3, act="relu", name="stage3_1")
    x = conv(x, 384, 3, groups=groups, act="relu", name="stage3_2")
    x = conv(x, 256, 3, groups=groups, act="relu", name="stage3_3")
    x = layers.MaxPooling2D(3, 2, name="stage3_pool")(x)
    return Model(image, dense_head(x, (4096, 4096), num_classes, dropout=0.5), name=name)


@register(ONE_TOWER, paper="arXiv:1404.5997", year=2014)
def alexnet_one_tower(
    *,
    input_shape: tuple[int, int, int] = (224, 224, 3),
    num_classes: int = 1000,
    name: str = "alexnet_one_tower",
) -> Model:
    """Builds the one-tower form of 2014; returns logits, (batch, num_classes)."""
    require_at_least(63, input_shape, name)
    x = image = Input(input_shape, name="image")
    x = layers.ZeroPadding2D(2, name="stage1_pad")(x)
    x = conv(x, 64, 11, 4, padding="valid", act="relu", name="stage1")
    x = layers.MaxPooling2D(3, 2, name="stage1_pool")(x)
    x = conv(x, 192, 5, act="relu", name="stage2")
    x = layers.MaxPooling2D(3, 2, name="stage2_pool")(x)
    x = conv(x, 384, 3, act="relu", name="stage3_1")
    x = conv(x, 256, 3, act="relu", name="stage3_2")
    x = conv(x, 256, 3, act="relu", name="stage3_3")
    x = layers.MaxPooling2D(3, 2, name="stage3_pool")(x)
    x = dense_head(x, (4096, 4096), num_classes, dropout=0.5, dropout_first=True)
    return Model(image, x, name=name)


def normalize_and_pool(x: KerasTensor, name: str) -> KerasTensor:
    """Response normalization, then overlapping pooling.  (n, n, C) -> ((n - 1) / 2, ..., C)."""
    x = LocalResponseNormalization(name=f"{name}_lrn")(x)
    return layers.MaxPooling2D(3, 2, name=f"{name}_pool")(x)


def require_fit(input_shape: tuple[int, int, int], name: str) -> None:
    """One stride of 4 and three of 2 divide evenly where a side is 32 i + 3, from 67 on."""
    if any(side % 32 != 3 or side < 67 for side in input_shape[:2]):
        height, width = input_shape[:2]
        raise UserError(
            f"{name}: expected sides of 227, or of 67, 99, ..., 195, 259, ..., got "
            f"{height}x{width}; others would lose pixels at a stride. "
            f"alexnet_one_tower takes 224x224"
        )

"""ResNet: He, Zhang, Ren & Sun, "Deep Residual Learning for Image Recognition", arXiv:1512.03385.

224x224x3 -> stem 56x56x64 -> four stages, 56, 28, 14 and 7 pixels wide, of 64e, 128e, 256e and 512e
channels (e = 1 for basic blocks, 4 for bottlenecks) -> global average -> logits.

The stride of a bottleneck sits on its 3x3 convolution, as in torchvision ("v1.5"). In the rows
_v1 it sits on the first 1x1, as in the paper; there the 50-layer network keeps a bias on its
first convolution, and pooling rounds up, as in the authors' Caffe files. The rows _v1_keras are
keras.applications' own: the paper's strides, and a bias in front of every normalization. resnet26
is timm's.
"""

from collections.abc import Callable, Sequence

from keras import Input, KerasTensor, Model, layers

from kerascnn.layers import ceil_max_pool, conv_bn, padded_max_pool
from kerascnn.models.published import KERAS_IO, REPOSITORY, TORCHVISION
from kerascnn.models.registry import register, row
from kerascnn.models.sizes import require_at_least


def basic(x: KerasTensor, filters: int, strides: int, use_bias: bool, name: str) -> KerasTensor:
    """Two 3x3.  (H, W, C) -> (H/strides, W/strides, filters)."""
    x = conv_bn(x, filters, 3, strides, use_bias=use_bias, name=f"{name}_1")
    return conv_bn(x, filters, 3, use_bias=use_bias, act=None, name=f"{name}_2")


def bottleneck(
    x: KerasTensor,
    filters: int,
    strides: int,
    use_bias: bool,
    name: str,
    *,
    widen: int = 1,
    groups: int = 1,
) -> KerasTensor:
    """1x1 to widen * filters, 3x3, 1x1 up.  (H, W, C) -> (H/strides, W/strides, 4 filters)."""
    x = conv_bn(x, widen * filters, 1, use_bias=use_bias, name=f"{name}_1")
    x = conv_bn(x, widen * filters, 3, strides, groups=groups, use_bias=use_bias, name=f"{name}_2")
    return conv_bn(x, 4 * filters, 1, use_bias=use_bias, act=None, name=f"{name}_3")


def bottleneck_v1(
    x: KerasTensor, filters: int, strides: int, use_bias: bool, name: str
) -> KerasTensor:
    """The bottleneck as first published: it strides on the 1x1 that goes down."""
    x = conv_bn(x, filters, 1, strides, use_bias=use_bias, name=f"{name}_1")
    x = conv_bn(x, filters, 3, use_bias=use_bias, name=f"{name}_2")
    return conv_bn(x, 4 * filters, 1, use_bias=use_bias, act=None, name=f"{name}_3")


# fmt: off
V1 = {"block": bottleneck_v1, "pool": ceil_max_pool}
KERAS = {"block": bottleneck_v1, "stem_bias": True, "use_bias": True}
VARIANTS = {  # Table 1
    "resnet18": row(block=basic, depth=(2, 2, 2, 2),
                    top1=69.758, top5=89.078, published=TORCHVISION,
                    params=11_689_512, macs=1_814_073_344),
    "resnet34": row(block=basic, depth=(3, 4, 6, 3),
                    top1=73.314, top5=91.42, published=TORCHVISION,
                    params=21_797_672, macs=3_663_761_408),
    "resnet26": row(block=bottleneck, depth=(2, 2, 2, 2), params=15_995_176, macs=2_342_256_640),
    "resnet50": row(block=bottleneck, depth=(3, 4, 6, 3),
                    top1=76.13, top5=92.862, published=TORCHVISION,
                    params=25_557_032, macs=4_089_184_256),
    "resnet101": row(block=bottleneck, depth=(3, 4, 23, 3),
                     top1=77.374, top5=93.546, published=TORCHVISION,
                     params=44_549_160, macs=7_801_405_440),
    "resnet152": row(block=bottleneck, depth=(3, 8, 36, 3),
                     top1=78.312, top5=94.046, published=TORCHVISION,
                     params=60_192_808, macs=11_513_626_624),
    "resnet50_v1": row(**V1, stem_bias=True, depth=(3, 4, 6, 3),
                       top1=75.3, top5=92.2, published=REPOSITORY,
                       params=25_557_096, macs=3_857_973_248),
    "resnet101_v1": row(**V1, depth=(3, 4, 23, 3), top1=76.4, top5=92.9, published=REPOSITORY,
                        params=44_549_160, macs=7_570_194_432),
    "resnet152_v1": row(**V1, depth=(3, 8, 36, 3), top1=77.0, top5=93.3, published=REPOSITORY,
                        params=60_192_808, macs=11_282_415_616),
    "resnet50_v1_keras": row(**KERAS, depth=(3, 4, 6, 3), top1=74.9, top5=92.1, published=KERAS_IO,
                             params=25_583_592, macs=3_857_973_248),
    "resnet101_v1_keras": row(**KERAS, depth=(3, 4, 23, 3),
                              top1=76.4, top5=92.8, published=KERAS_IO,
                              params=44_601_832, macs=7_570_194_432),
    "resnet152_v1_keras": row(**KERAS, depth=(3, 8, 36, 3),
                              top1=76.6, top5=93.1, published=KERAS_IO,
                              params=60_268_520, macs=11_282_415_616),
}
# fmt: on


@register(VARIANTS, paper="arXiv:1512.03385", year=2015)
def resnet(
    block: Callable[..., KerasTensor],
    depth: Sequence[int],
    *,
    pool: Callable[..., KerasTensor] = padded_max_pool,
    stem_bias: bool = False,
    use_bias: bool = False,
    input_shape: tuple[int, int, int] = (224, 224, 3),
    num_classes: int = 1000,
    name: str = "resnet",
) -> Model:
    """Builds a ResNet that returns logits, (batch, num_classes).

    block: what computes a residual. depth: number of blocks in each stage. pool: the max pooling
    of the stem. stem_bias, use_bias: whether its convolution, and those of the stages, have one.
    """
    if pool is ceil_max_pool:
        require_at_least(5, input_shape, name)  # the pooling window, behind a stride of 2
    x = image = Input(input_shape, name="image")
    x = conv_bn(x, 64, 7, 2, use_bias=stem_bias, name="stem")
    x = pool(x, 3, 2, name="stem_pool")
    x = stages(x, block, depth, use_bias=use_bias)
    return Model(image, head(x, num_classes), name=name)


def stages(
    x: KerasTensor,
    block: Callable[..., KerasTensor],
    depth: Sequence[int],
    *,
    use_bias: bool = False,
) -> KerasTensor:
    """Stages of 64, 128, 256, ... filters; from the second on, the first block halves the image."""
    for stage, blocks in enumerate(depth, start=1):
        for i in range(1, blocks + 1):
            strides = 2 if stage > 1 and i == 1 else 1
            x = residual(x, block, 32 * 2**stage, strides, use_bias, f"stage{stage}_block{i}")
    return x


def residual(
    x: KerasTensor,
    block: Callable[..., KerasTensor],
    filters: int,
    strides: int,
    use_bias: bool,
    name: str,
) -> KerasTensor:
    """block(x) + x; a 1x1 convolution brings x to the shape of block(x) where they differ."""
    shortcut = x
    x = block(x, filters, strides, use_bias, name)
    if shortcut.shape[1:] != x.shape[1:]:
        shortcut = conv_bn(
            shortcut, x.shape[-1], 1, strides, use_bias=use_bias, act=None, name=f"{name}_proj"
        )
    x = layers.Add(name=f"{name}_add")([x, shortcut])
    return layers.ReLU(name=f"{name}_out")(x)


def head(x: KerasTensor, num_classes: int) -> KerasTensor:
    """Global average, then logits."""
    x = layers.GlobalAveragePooling2D(name="head_pool")(x)
    return layers.Dense(num_classes, name="head_logits")(x)

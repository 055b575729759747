"""ResNet-D: He, Zhang, Zhang, Zhang, Xie & Li, "Bag of Tricks for Image Classification with
Convolutional Neural Networks", arXiv:1812.01187, Figure 2 (a), (b) and (c).

ResNet with its stem of three 3x3 convolutions in the place of the 7x7, with the stride of a
bottleneck on its 3x3, and with a shortcut that averages 2x2 pixels, then a 1x1, where it strides.

The rows d have a stem of 32, 32 and 64 channels, as the paper, the rows t timm's of 24, 32 and 64.
Averages round up and divide by the pixels that lie inside.
"""

from collections.abc import Callable, Sequence
from typing import Any

from keras import Input, KerasTensor, Model, layers

from kerascnn.layers import conv_bn, padded_max_pool
from kerascnn.models.registry import register, row
from kerascnn.models.resnet import basic, bottleneck, head

# fmt: off
T: dict[str, Any] = {"stem": (24, 32, 64)}
VARIANTS = {
    "resnet10t": row(block=basic, depth=(1, 1, 1, 1), **T,
                     params=5_435_488, macs=1_097_259_008),
    "resnet14t": row(block=bottleneck, depth=(1, 1, 1, 1), **T,
                     params=10_081_632, macs=1_676_822_528),
    "resnet26t": row(block=bottleneck, depth=(2, 2, 2, 2), **T,
                     params=16_011_872, macs=2_550_286_336),
    "resnet18d": row(block=basic, depth=(2, 2, 2, 2),
                     params=11_708_744, macs=2_053_713_920),
    "resnet34d": row(block=basic, depth=(3, 4, 6, 3),
                     params=21_816_904, macs=3_903_401_984),
    "resnet26d": row(block=bottleneck, depth=(2, 2, 2, 2),
                     params=16_014_408, macs=2_581_897_216),
    "resnet50d": row(block=bottleneck, depth=(3, 4, 6, 3),
                     params=25_576_264, macs=4_328_824_832),
    "resnet101d": row(block=bottleneck, depth=(3, 4, 23, 3),
                     params=44_568_392, macs=8_041_046_016),
    "resnet152d": row(block=bottleneck, depth=(3, 8, 36, 3),
                     params=60_212_040, macs=11_753_267_200),
}
# fmt: on


@register(VARIANTS, paper="arXiv:1812.01187", year=2018)
def resnet_d(
    block: Callable[..., KerasTensor],
    depth: Sequence[int],
    *,
    stem: Sequence[int] = (32, 32, 64),
    input_shape: tuple[int, int, int] = (224, 224, 3),
    num_classes: int = 1000,
    name: str = "resnet_d",
) -> Model:
    """Builds a ResNet-D that returns logits, (batch, num_classes).

    block: what computes a residual. depth: blocks in each stage. stem: filters of its convolutions.
    """
    x = image = Input(input_shape, name="image")
    for k, filters in enumerate(stem, start=1):
        x = conv_bn(x, filters, 3, 2 if k == 1 else 1, name=f"stem_{k}")
    x = padded_max_pool(x, 3, 2, name="stem_pool")
    for stage, blocks in enumerate(depth, start=1):
        for i in range(1, blocks + 1):
            strides = 2 if stage > 1 and i == 1 else 1
            x = residual(x, block, 32 * 2**stage, strides, f"stage{stage}_block{i}")
    return Model(image, head(x, num_classes), name=name)


def residual(
    x: KerasTensor, block: Callable[..., KerasTensor], filters: int, strides: int, name: str
) -> KerasTensor:
    """block(x) + x; x averaged, and through a 1x1, where the shape of block(x) is another."""
    shortcut = x
    x = block(x, filters, strides, False, name)
    if shortcut.shape[1:] != x.shape[1:]:
        if strides != 1:
            pool = layers.AveragePooling2D(strides, padding="same", name=f"{name}_proj_pool")
            shortcut = pool(shortcut)
        shortcut = conv_bn(shortcut, x.shape[-1], 1, act=None, name=f"{name}_proj")
    x = layers.Add(name=f"{name}_add")([x, shortcut])
    return layers.ReLU(name=f"{name}_out")(x)

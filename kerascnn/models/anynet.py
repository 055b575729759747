"""AnyNet: the network that design spaces are made of, Radosavovic, Kosaraju, Girshick, He & Dollar,
"Designing Network Design Spaces", arXiv:2003.13678, section 3.1, for images of CIFAR's size.

32x32x3 -> stem, 3x3 -> stages of blocks; the first block of each stage but the first halves the
map -> global average -> logits. A stage is told by its width and its depth.

The blocks are those of four papers:

    basic      two 3x3, He, Zhang, Ren & Sun, arXiv:1512.03385
    separable  3x3 depthwise, 1x1, Howard et al., MobileNets, arXiv:1704.04861
    inverted   1x1, 3x3 depthwise, linear 1x1, Sandler et al., MobileNetV2, arXiv:1801.04381
    x          1x1, grouped 3x3, 1x1, the X block of arXiv:2003.13678, which is ResNeXt's

`squeeze` puts a squeeze-and-excitation (Hu et al., arXiv:1709.01507) behind the 3x3, as in MnasNet,
arXiv:1807.11626; of the X block that makes the Y block.

The rows are ours, for these papers have no networks so small: each fits what ResNet-8 of MLPerf
Tiny takes, 12.5 million multiply-accumulates and an int8 .tflite file of 98,496 bytes. The stem
keeps the size of the image, as ResNet's for CIFAR. Padding is "same", which takes no operation of
its own.
"""

import inspect
from collections.abc import Callable, Sequence

from keras import Input, KerasTensor, Model, layers

from kerascnn.errors import UserError, unknown
from kerascnn.layers import conv_bn, depthwise_conv_bn, squeeze_and_excitation
from kerascnn.models.registry import register, row

# fmt: off
IMAGES = {"input_shape": (32, 32, 3), "num_classes": 10}
VARIANTS = {
    "anynet_basic": row(block="basic", widths=(12, 24, 40), depths=(1, 2, 2), stem=12,
                        params=75_270, macs=11_084_176, **IMAGES),
    "anynet_separable": row(block="separable", widths=(32, 64, 72), depths=(2, 6, 2), kernel=5,
                            params=50_706, macs=12_109_008, **IMAGES),
    "anynet_inverted": row(block="inverted", widths=(16, 28, 64), depths=(2, 5, 1), expansion=3,
                           params=40_646, macs=12_300_160, **IMAGES),
    "anynet_inverted_se": row(block="inverted", widths=(16, 28, 48), depths=(2, 2, 1), expansion=3,
                              squeeze=8, params=26_992, macs=8_025_792, **IMAGES),
    "anynet_x": row(block="x", widths=(24, 40, 64), depths=(1, 3, 2),
                    params=51_258, macs=11_272_832, **IMAGES),
    "anynet_y": row(block="x", widths=(24, 48, 64), depths=(1, 2, 1), squeeze=4,
                    params=41_408, macs=10_146_976, **IMAGES),
}
# fmt: on


def basic(x: KerasTensor, width: int, strides: int, name: str, *, squeeze: int) -> KerasTensor:
    """Two 3x3 and a shortcut.  (H, W, C) -> (H/strides, W/strides, width)."""
    shortcut = projected(x, width, strides, name)
    x = conv_bn(x, width, 3, strides, padding="same", name=f"{name}_1")
    x = conv_bn(x, width, 3, padding="same", act=None, name=f"{name}_2")
    return added(squeezed(x, squeeze, name), shortcut, name)


def separable(
    x: KerasTensor, width: int, strides: int, name: str, *, squeeze: int, kernel: int = 3
) -> KerasTensor:
    """Depthwise, 1x1.  (H, W, C) -> (H/strides, W/strides, width)."""
    x = depthwise_conv_bn(x, kernel, strides, padding="same", name=f"{name}_1")
    return conv_bn(squeezed(x, squeeze, name), width, 1, name=f"{name}_2")


def inverted(
    x: KerasTensor,
    width: int,
    strides: int,
    name: str,
    *,
    squeeze: int,
    kernel: int = 3,
    expansion: int = 4,
) -> KerasTensor:
    """1x1 to `expansion` C, depthwise, linear 1x1.  (H, W, C) -> (H/strides, W/strides, width).

    Without the first where there is nothing to expand; plus x where the shape stays.
    """
    shortcut = x
    if expansion != 1:
        x = conv_bn(x, expansion * x.shape[-1], 1, name=f"{name}_1")
    x = depthwise_conv_bn(x, kernel, strides, padding="same", name=f"{name}_2")
    x = conv_bn(squeezed(x, squeeze, name), width, 1, act=None, name=f"{name}_3")
    if strides == 1 and shortcut.shape[-1] == width:
        x = layers.Add(name=f"{name}_add")([x, shortcut])
    return x


def x_block(
    x: KerasTensor,
    width: int,
    strides: int,
    name: str,
    *,
    squeeze: int,
    bottleneck: int = 1,
    group: int = 8,
) -> KerasTensor:
    """1x1 to width / bottleneck, 3x3 in groups of `group` channels, 1x1, and a shortcut.

    (H, W, C) -> (H/strides, W/strides, width)
    """
    shortcut, inner = projected(x, width, strides, name), width // bottleneck
    if inner % group:
        raise UserError(f"{name}: {inner} channels are not to be had in groups of {group}")
    x = conv_bn(x, inner, 1, name=f"{name}_1")
    x = conv_bn(x, inner, 3, strides, padding="same", groups=inner // group, name=f"{name}_2")
    x = conv_bn(squeezed(x, squeeze, name), width, 1, act=None, name=f"{name}_3")
    return added(x, shortcut, name)


BLOCKS: dict[str, Callable[..., KerasTensor]] = {
    "basic": basic,
    "separable": separable,
    "inverted": inverted,
    "x": x_block,
}


@register(VARIANTS, paper="arXiv:2003.13678", year=2020)
def anynet(
    block: str,
    widths: Sequence[int],
    depths: Sequence[int],
    *,
    stem: int = 16,
    stem_stride: int = 1,
    last: int = 0,
    squeeze: int = 0,
    kernel: int | None = None,
    expansion: int | None = None,
    bottleneck: int | None = None,
    group: int | None = None,
    input_shape: tuple[int, int, int] = (32, 32, 3),
    num_classes: int = 10,
    name: str = "anynet",
) -> Model:
    """Builds an AnyNet that returns logits, (batch, num_classes).

    block: basic, separable, inverted or x. widths, depths: channels and blocks of each stage.
    stem, stem_stride: of the first 3x3. last: channels of a 1x1 in front of the pooling; 0 for
    none. squeeze: the ratio of a squeeze-and-excitation in each block; 0 for none.
    kernel: side of depthwise kernels, of separable and inverted blocks. expansion: of inverted
    ones. bottleneck, group: by what an X block is narrower inside, and the width of its groups.

    Raises:
        UserError: an unknown block, an argument that it does not take, stages that do not fit.
    """
    if block not in BLOCKS:
        raise unknown("block", block, BLOCKS)
    given = {"kernel": kernel, "expansion": expansion, "bottleneck": bottleneck, "group": group}
    options = {key: value for key, value in given.items() if value is not None}
    for key in options.keys() - inspect.signature(BLOCKS[block]).parameters.keys():
        raise UserError(f"{name}: {block} blocks take no {key}")
    if len(widths) != len(depths) or min(*widths, *depths) < 1:
        raise UserError(
            f"{name}: expected a width and a depth for each stage, got {widths}, {depths}"
        )
    x = image = Input(input_shape, name="image")
    x = conv_bn(x, stem, 3, stem_stride, padding="same", name="stem")
    for stage, (width, depth) in enumerate(zip(widths, depths, strict=True), start=1):
        for i in range(1, depth + 1):
            strides = 2 if stage > 1 and i == 1 else 1
            place = f"stage{stage}_block{i}"
            x = BLOCKS[block](x, width, strides, place, squeeze=squeeze, **options)
    if last:
        x = conv_bn(x, last, 1, name="head")
    x = layers.GlobalAveragePooling2D(name="head_pool")(x)
    x = layers.Dense(num_classes, name="head_logits")(x)
    return Model(image, x, name=name)


def projected(x: KerasTensor, width: int, strides: int, name: str) -> KerasTensor:
    """The shortcut: x, or a 1x1 convolution of it where the shape changes."""
    if strides == 1 and x.shape[-1] == width:
        return x
    return conv_bn(x, width, 1, strides, padding="same", act=None, name=f"{name}_proj")


def squeezed(x: KerasTensor, ratio: int, name: str) -> KerasTensor:
    """x through a squeeze-and-excitation of this ratio; 0 leaves it as it is."""
    return squeeze_and_excitation(x, ratio, name=name) if ratio else x


def added(x: KerasTensor, shortcut: KerasTensor, name: str) -> KerasTensor:
    """ReLU of the sum of a branch and its shortcut."""
    x = layers.Add(name=f"{name}_add")([x, shortcut])
    return layers.ReLU(name=f"{name}_out")(x)

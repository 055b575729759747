"""A small convolutional network in which one thing at a time is made otherwise.

The plan is that of Simonyan & Zisserman, "Very Deep Convolutional Networks for Large-Scale Image
Recognition", arXiv:1409.1556: stages of equal convolutions, each at half the side of the last.

32x32x3 -> stem 32x32x16 -> three stages, 16, 8 and 4 pixels wide at their ends, of 16, 32 and 64
channels -> global average -> logits.

The row is ours. What can be otherwise, beside widths and depth, and where it is from:

    form        "spatial", a column and a row of the kernel (Szegedy et al., arXiv:1512.00567), or
                "depthwise", a kernel a channel, then 1x1 (Howard et al., arXiv:1704.04861)
    groups      of every convolution but the stem (Xie et al., arXiv:1611.05431)
    batch_norm  behind every convolution (Ioffe & Szegedy, arXiv:1502.03167)
    down        "overlapping" pools 3x3 (AlexNet), "average", or "stride", a 3x3 convolution
                (Springenberg et al., arXiv:1412.6806)
    hidden      dense layers in place of the global average (Lin et al., arXiv:1312.4400)
"""

from collections.abc import Callable, Sequence

from keras import Input, KerasTensor, Model, layers

from kerascnn.errors import UserError, unknown
from kerascnn.layers import conv, conv_bn, dense_head, depthwise_conv, depthwise_conv_bn
from kerascnn.models.registry import register, row

# fmt: off
VARIANTS = {
    "convnet": row(params=75_050, macs=12_239_488, input_shape=(32, 32, 3), num_classes=10),
}
# fmt: on
FORMS = ("full", "spatial", "depthwise")


@register(VARIANTS, paper="arXiv:1409.1556", year=2014)
def convnet(
    *,
    widths: Sequence[int] = (16, 32, 64),
    depth: int = 2,
    kernel: int = 3,
    form: str = "full",
    groups: int = 1,
    batch_norm: bool = False,
    down: str = "max",
    hidden: Sequence[int] = (),
    input_shape: tuple[int, int, int] = (32, 32, 3),
    num_classes: int = 10,
    name: str = "convnet",
) -> Model:
    """Builds a network of plain stages that returns logits, (batch, num_classes).

    widths: channels of each stage. depth: convolutions in each. kernel: their side. hidden: units
    of dense layers behind the last map; none for a global average. The others: see above.

    Raises:
        UserError: an unknown form or way down, or widths that do not come in these groups.
    """
    if form not in FORMS:
        raise unknown("form", form, FORMS)
    if down not in DOWN:
        raise unknown("way down", down, DOWN)
    if any(width % groups for width in widths):
        raise UserError(f"{name}: widths of {list(widths)} are not to be had in {groups} groups")
    x = image = Input(input_shape, name="image")
    x = (conv_bn if batch_norm else conv)(x, widths[0], 3, act="relu", name="stem")
    for stage, width in enumerate(widths, start=1):
        for i in range(1, depth + 1):
            x = convolved(x, width, kernel, form, groups, batch_norm, f"stage{stage}_block{i}")
        x = DOWN[down](x, batch_norm, f"stage{stage}")
    if hidden:
        return Model(image, dense_head(x, hidden, num_classes), name=name)
    x = layers.GlobalAveragePooling2D(name="head_pool")(x)
    return Model(image, layers.Dense(num_classes, name="head_logits")(x), name=name)


def convolved(
    x: KerasTensor, width: int, kernel: int, form: str, groups: int, batch_norm: bool, name: str
) -> KerasTensor:
    """One convolution of the given form, then a ReLU.  (H, W, C) -> (H, W, width)."""
    one = conv_bn if batch_norm else conv
    if form == "spatial":
        x = one(x, width, (kernel, 1), groups=groups, act=None, name=f"{name}_1")
        return one(x, width, (1, kernel), groups=groups, act="relu", name=f"{name}_2")
    if form == "depthwise":
        each = depthwise_conv_bn if batch_norm else depthwise_conv
        x = each(x, kernel, act="relu", name=f"{name}_1")
        return one(x, width, 1, groups=groups, act="relu", name=f"{name}_2")
    return one(x, width, kernel, groups=groups, act="relu", name=f"{name}_1")


def strided(x: KerasTensor, batch_norm: bool, name: str) -> KerasTensor:
    """A 3x3 convolution that halves the map.  (H, W, C) -> (H/2, W/2, C)."""
    one = conv_bn if batch_norm else conv
    return one(x, x.shape[-1], 3, 2, act="relu", name=f"{name}_down")


def pooled(layer: type[layers.Layer], size: int) -> Callable[[KerasTensor, bool, str], KerasTensor]:
    """What halves a map by pooling windows of this size.  (H, W, C) -> (H/2, W/2, C)."""
    return lambda x, batch_norm, name: layer(size, 2, padding="same", name=f"{name}_pool")(x)


DOWN = {
    "max": pooled(layers.MaxPooling2D, 2),
    "overlapping": pooled(layers.MaxPooling2D, 3),
    "average": pooled(layers.AveragePooling2D, 2),
    "stride": strided,
}

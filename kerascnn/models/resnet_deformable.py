"""Deformable ResNet: Dai et al., "Deformable Convolutional Networks", arXiv:1703.06211; and version
2, Zhu, Hu, Lin & Dai, "Deformable ConvNets v2", arXiv:1811.11168.

A ResNet whose last stage has deformable convolutions in the place of its three 3x3, as the first
paper has it; in the row _v2 those of stages 2 to 4 are, and modulated. At the start all offsets are
zero and version 1 is the plain ResNet.

Departs from the papers in one place: they detect and segment, and for that keep the last stage at
the size of the one before, dilated; as a classifier it halves the image.
"""

from collections.abc import Sequence
from functools import partial

from keras import Input, KerasTensor, Model, layers

from kerascnn.layers import DeformableConv2D, batch_norm, conv_bn, padded_max_pool
from kerascnn.models.registry import register, row
from kerascnn.models.resnet import bottleneck, head, residual

# fmt: off
V1 = {
    "resnet50_deformable": row(depth=(3, 4, 6, 3), params=25_805_918, macs=4_101_377_024),
    "resnet101_deformable": row(depth=(3, 4, 23, 3), params=44_798_046, macs=7_813_598_208),
}
V2 = {
    "resnet50_deformable_v2": row(depth=(3, 4, 6, 3), deformable=(2, 3, 4), modulated=True,
                                  params=26_428_295, macs=4_278_172_160),
}
# fmt: on


@register(V1, paper="arXiv:1703.06211", year=2017)
@register(V2, paper="arXiv:1811.11168", year=2018)
def resnet_deformable(
    depth: Sequence[int],
    *,
    deformable: Sequence[int] = (4,),
    modulated: bool = False,
    input_shape: tuple[int, int, int] = (224, 224, 3),
    num_classes: int = 1000,
    name: str = "resnet_deformable",
) -> Model:
    """Builds a ResNet that returns logits, (batch, num_classes).

    depth: blocks in each stage. deformable: the stages whose 3x3 are. modulated: version 2.
    """
    x = image = Input(input_shape, name="image")
    x = conv_bn(x, 64, 7, 2, name="stem")
    x = padded_max_pool(x, 3, 2, name="stem_pool")
    for stage, blocks in enumerate(depth, start=1):
        block = bottleneck
        if stage in deformable:
            block = partial(deformable_bottleneck, modulated=modulated)
        for i in range(1, blocks + 1):
            strides = 2 if stage > 1 and i == 1 else 1
            x = residual(x, block, 32 * 2**stage, strides, False, f"stage{stage}_block{i}")
    return Model(image, head(x, num_classes), name=name)


def deformable_bottleneck(
    x: KerasTensor, filters: int, strides: int, use_bias: bool, name: str, *, modulated: bool
) -> KerasTensor:
    """1x1 down, deformable 3x3, 1x1 up.  (H, W, C) -> (H/strides, W/strides, 4 filters)."""
    x = conv_bn(x, filters, 1, use_bias=use_bias, name=f"{name}_1")
    if strides != 1:  # zeros all around, as elsewhere: "same" would add them below and on the right
        x = layers.ZeroPadding2D(1, name=f"{name}_2_pad")(x)
    x = DeformableConv2D(
        filters,
        3,
        strides,
        "same" if strides == 1 else "valid",
        use_bias=use_bias,
        modulated=modulated,
        name=f"{name}_2_conv",
    )(x)
    x = batch_norm(x, name=f"{name}_2")
    return conv_bn(x, 4 * filters, 1, use_bias=use_bias, act=None, name=f"{name}_3")

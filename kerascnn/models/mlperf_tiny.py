"""The networks of MLPerf Tiny: Banbury et al., "MLPerf Tiny Benchmark", arXiv:2106.07597.

ResNet-8, image classification: 32x32x3 -> stem 32x32x16 -> three residual stages, 32, 16 and 8
pixels wide, of 16, 32 and 64 channels -> global average -> logits.

Departs from ResNet's own paper as the benchmark's reference does: convolutions keep their bias in
front of batch normalization, and the 1x1 shortcut of a strided stage has no normalization.
"""

from keras import Input, Model, layers

from kerascnn.layers import conv, conv_bn
from kerascnn.models.registry import register, row

# fmt: off
VARIANTS = {  # top-1: the benchmark's own reference file on the 10,000 test images of CIFAR-10
    "resnet8": row(filters=16, params=78_186, macs=12_501_632,
                   input_shape=(32, 32, 3), num_classes=10, top1=87.19),
}
# fmt: on


def residual(x, filters, strides, name):
    """Two 3x3 convolutions and a shortcut.  (H, W, C) -> (H/strides, W/strides, filters)."""
    shortcut = x
    x = conv_bn(x, filters, 3, strides, padding="same", use_bias=True, name=f"{name}_1")
    x = conv_bn(x, filters, 3, padding="same", use_bias=True, act=None, name=f"{name}_2")
    if strides != 1:
        shortcut = conv(shortcut, filters, 1, strides, padding="same", name=f"{name}_proj")
    x = layers.Add(name=f"{name}_add")([x, shortcut])
    return layers.ReLU(name=f"{name}_out")(x)


@register(VARIANTS, paper="arXiv:2106.07597", year=2021)
def resnet8(filters=16, *, input_shape=(32, 32, 3), num_classes=10, name="resnet8"):
    """Builds ResNet-8; `filters`: channels of the first stage. Returns logits."""
    x = image = Input(input_shape, name="image")
    x = conv_bn(x, filters, 3, padding="same", use_bias=True, name="stem")
    x = residual(x, filters, 1, name="stage1_block1")
    x = residual(x, 2 * filters, 2, name="stage2_block1")
    x = residual(x, 4 * filters, 2, name="stage3_block1")
    x = layers.GlobalAveragePooling2D(name="head_pool")(x)
    x = layers.Dense(num_classes, name="head_logits")(x)
    return Model(image, x, name=name)

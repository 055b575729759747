"""ResNet and plain networks for CIFAR-10: section 4.2 of He, Zhang, Ren & Sun, "Deep Residual
Learning for Image Recognition", arXiv:1512.03385.

32x32x3 -> stem 32x32x16 -> three stages of n blocks of two 3x3 convolutions, 32, 16 and 8 pixels
wide, of 16, 32 and 64 channels -> global average -> logits: 6n + 2 layers with weights.

The shortcuts have no weights (option A). The plain networks are the same without shortcuts, so
that they have the same parameters and multiplications.
"""

from keras import Input, KerasTensor, Model, layers

from kerascnn.layers import conv_bn, identity_shortcut
from kerascnn.models.graph import allow_depth
from kerascnn.models.published import Published
from kerascnn.models.registry import register, row
from kerascnn.models.resnet import basic, head

# fmt: off
TABLE_6 = Published("Table 6 of the paper", "whole")
CIFAR10 = {"input_shape": (32, 32, 3), "num_classes": 10}
VARIANTS = {  # Figure 6 draws the plain ones without giving their numbers
    "resnet20": row(depth=3, top1=91.25, published=TABLE_6,
                    params=269_722, macs=40_551_040, **CIFAR10),
    "resnet32": row(depth=5, top1=92.49, published=TABLE_6,
                    params=464_154, macs=68_862_592, **CIFAR10),
    "resnet44": row(depth=7, top1=92.83, published=TABLE_6,
                    params=658_586, macs=97_174_144, **CIFAR10),
    "resnet56": row(depth=9, top1=93.03, published=TABLE_6,
                    params=853_018, macs=125_485_696, **CIFAR10),
    "resnet110": row(depth=18, top1=93.57, published=TABLE_6,
                    params=1_727_962, macs=252_887_680, **CIFAR10),
    "resnet1202": row(depth=200, top1=92.07, published=TABLE_6,
                    params=19_421_274, macs=2_829_238_912, **CIFAR10),
    "plain20": row(residual=False, depth=3, params=269_722, macs=40_551_040, **CIFAR10),
    "plain32": row(residual=False, depth=5, params=464_154, macs=68_862_592, **CIFAR10),
    "plain44": row(residual=False, depth=7, params=658_586, macs=97_174_144, **CIFAR10),
    "plain56": row(residual=False, depth=9, params=853_018, macs=125_485_696, **CIFAR10),
}
# fmt: on


@register(VARIANTS, paper="arXiv:1512.03385", year=2015)
def resnet_cifar(
    depth: int,
    *,
    residual: bool = True,
    input_shape: tuple[int, int, int] = (32, 32, 3),
    num_classes: int = 10,
    name: str = "resnet_cifar",
) -> Model:
    """Builds a CIFAR ResNet that returns logits, (batch, num_classes).

    depth: the paper's n, blocks in each stage. residual: False for the plain network.
    """
    allow_depth(7 * 3 * depth)
    x = image = Input(input_shape, name="image")
    x = conv_bn(x, 16, 3, name="stem")
    for stage, filters in enumerate((16, 32, 64), start=1):
        for i in range(1, depth + 1):
            strides = 2 if stage > 1 and i == 1 else 1
            x = block(x, filters, strides, residual, f"stage{stage}_block{i}")
    return Model(image, head(x, num_classes), name=name)


def block(x: KerasTensor, filters: int, strides: int, residual: bool, name: str) -> KerasTensor:
    """Two 3x3, with or without a shortcut.  (H, W, C) -> (H/strides, W/strides, filters)."""
    shortcut = identity_shortcut(x, filters, strides, name=f"{name}_proj") if residual else None
    x = basic(x, filters, strides, False, name)
    if residual:
        x = layers.Add(name=f"{name}_add")([x, shortcut])
    return layers.ReLU(name=f"{name}_out")(x)

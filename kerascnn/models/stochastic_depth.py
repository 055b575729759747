"""Stochastic depth: Huang, Sun, Liu, Sedra & Weinberger, "Deep Networks with Stochastic Depth",
arXiv:1603.09382.

The CIFAR ResNet of 110 layers, of whose 54 residual branches the l-th survives a training step
with probability 1 - l/54 * (1 - 0.5): linear decay (equation 4). As in the authors' files,
convolutions keep their bias, and the shortcut of a strided block is a 2x2 average with channels
of zeros appended.

Departs from them where it draws: for each image, not for each mini-batch.
"""

from keras import Input, KerasTensor, Model, layers

from kerascnn.layers import ChannelZeroPadding, StochasticDepth, conv_bn
from kerascnn.models.published import CIFAR_REPOSITORY
from kerascnn.models.registry import register, row
from kerascnn.models.resnet import basic, head

# fmt: off
VARIANTS = {
    "resnet110_stochastic_depth": row(
        depth=18, params=1_732_010, macs=252_887_680, top1=94.75,
        published=CIFAR_REPOSITORY,
        input_shape=(32, 32, 3), num_classes=10),
}
# fmt: on


@register(VARIANTS, paper="arXiv:1603.09382", year=2016)
def resnet_stochastic_depth(
    depth: int,
    *,
    last_survival: float = 0.5,
    input_shape: tuple[int, int, int] = (32, 32, 3),
    num_classes: int = 10,
    name: str = "resnet_stochastic_depth",
) -> Model:
    """Builds a CIFAR ResNet with stochastic depth; returns logits, (batch, num_classes).

    depth: blocks in each stage. last_survival: probability that the last branch survives.
    """
    x = image = Input(input_shape, name="image")
    x = conv_bn(x, 16, 3, use_bias=True, name="stem")
    number = 0
    for stage, filters in enumerate((16, 32, 64), start=1):
        for i in range(1, depth + 1):
            number += 1
            survival = 1 - number / (3 * depth) * (1 - last_survival)
            strides = 2 if stage > 1 and i == 1 else 1
            x = block(x, filters, strides, survival, f"stage{stage}_block{i}")
    return Model(image, head(x, num_classes), name=name)


def block(x: KerasTensor, filters: int, strides: int, survival: float, name: str) -> KerasTensor:
    """Two 3x3 that may drop out, a shortcut that stays.  (H, W, C) -> (.../strides, filters)."""
    shortcut = x
    x = basic(x, filters, strides, True, name)
    x = StochasticDepth(survival, name=f"{name}_drop")(x)
    if strides != 1:
        shortcut = layers.AveragePooling2D(2, padding="same", name=f"{name}_proj_pool")(shortcut)
        shortcut = ChannelZeroPadding(filters, name=f"{name}_proj_pad")(shortcut)
    x = layers.Add(name=f"{name}_add")([x, shortcut])
    return layers.ReLU(name=f"{name}_out")(x)

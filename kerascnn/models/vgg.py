"""VGG: Simonyan & Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition",
arXiv:1409.1556.

224x224x3 -> five stages of 3x3 convolutions, 224, 112, 56, 28 and 14 pixels wide, of 64, 128, 256,
512 and 512 channels, each closed by a 2x2 maximum -> 7x7x512 -> 4096 -> 4096 -> logits.

The rows _bn are torchvision's: batch normalization behind each convolution, which keeps its bias.
"""

from collections.abc import Sequence
from functools import partial

from keras import Input, Model, layers

from kerascnn.layers import LocalResponseNormalization, conv, conv_bn, dense_head
from kerascnn.models.published import TORCHVISION, Published
from kerascnn.models.registry import register, row
from kerascnn.models.sizes import require_at_least

# fmt: off
TABLE_3 = Published("Table 3 of the paper", "dense")
A = ((3,), (3,), (3, 3), (3, 3), (3, 3))  # for each stage the kernel sizes of its convolutions
B = ((3, 3),) * 5
C = ((3, 3), (3, 3), (3, 3, 1), (3, 3, 1), (3, 3, 1))
D = ((3, 3), (3, 3), (3, 3, 3), (3, 3, 3), (3, 3, 3))
E = ((3, 3), (3, 3), (3, 3, 3, 3), (3, 3, 3, 3), (3, 3, 3, 3))
VARIANTS = {  # Table 1
    "vgg11":     row(kernels=A, top1=69.02, top5=88.628, published=TORCHVISION,
                     params=132_863_336, macs=7_609_090_048),
    "vgg11_lrn": row(kernels=A, normalize=True, top1=70.3, top5=89.5, published=TABLE_3,
                     params=132_863_336, macs=7_609_090_048),
    "vgg13":     row(kernels=B, top1=69.928, top5=89.246, published=TORCHVISION,
                     params=133_047_848, macs=11_308_466_176),
    "vgg16_c":   row(kernels=C, top1=71.9, top5=90.6, published=TABLE_3,
                     params=133_638_952, macs=11_770_888_192),
    "vgg16":     row(kernels=D, top1=71.592, top5=90.382, published=TORCHVISION,
                     params=138_357_544, macs=15_470_264_320),
    "vgg19":     row(kernels=E, top1=72.376, top5=90.876, published=TORCHVISION,
                     params=143_667_240, macs=19_632_062_464),
}
BN = {
    "vgg11_bn":  row(kernels=A, norm=True, top1=70.37, top5=89.81, published=TORCHVISION,
                     params=132_868_840, macs=7_609_090_048),
    "vgg13_bn":  row(kernels=B, norm=True, top1=71.586, top5=90.374, published=TORCHVISION,
                     params=133_053_736, macs=11_308_466_176),
    "vgg16_bn":  row(kernels=D, norm=True, top1=73.36, top5=91.516, published=TORCHVISION,
                     params=138_365_992, macs=15_470_264_320),
    "vgg19_bn":  row(kernels=E, norm=True, top1=74.218, top5=91.842, published=TORCHVISION,
                     params=143_678_248, macs=19_632_062_464),
}
# fmt: on


@register(VARIANTS, paper="arXiv:1409.1556", year=2014)
@register(BN, paper="arXiv:1409.1556", year=2014)
def vgg(
    kernels: Sequence[Sequence[int]],
    *,
    normalize: bool = False,
    norm: bool = False,
    input_shape: tuple[int, int, int] = (224, 224, 3),
    num_classes: int = 1000,
    name: str = "vgg",
) -> Model:
    """Builds a VGG that returns logits, (batch, num_classes).

    kernels: for each stage the kernel sizes of its convolutions. normalize: response normalization
    behind the first of them, as in configuration A-LRN. norm: batch normalization behind each.
    """
    require_at_least(32, input_shape, name)
    x = image = Input(input_shape, name="image")
    for stage, sizes in enumerate(kernels, start=1):
        for k, size in enumerate(sizes, start=1):
            unit = partial(conv_bn, use_bias=True) if norm else partial(conv, act="relu")
            x = unit(x, min(32 * 2**stage, 512), size, name=f"stage{stage}_{k}")
            if normalize and (stage, k) == (1, 1):
                x = LocalResponseNormalization(name="stage1_1_lrn")(x)
        x = layers.MaxPooling2D(2, name=f"stage{stage}_pool")(x)
    return Model(image, dense_head(x, (4096, 4096), num_classes, dropout=0.5), name=name)

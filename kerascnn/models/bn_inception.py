"""BN-Inception (Inception-v2): Ioffe & Szegedy, "Batch Normalization: Accelerating Deep Network
Training by Reducing Internal Covariate Shift", arXiv:1502.03167, appendix.

224x224x3 -> stem 28x28x192 -> three stages of inception modules, 28x28x320, 14x14x608 and
7x7x1024 -> global average -> logits. Figure 5 calls the modules 3a-3c, 4a-4e and 5a-5b.

GoogLeNet with two 3x3 in the place of each 5x5, batch normalization, and modules 3c and 4e that
stride instead of poolings between the stages; here each is the first block of the stage behind it.
The convolutions keep their bias in front of batch normalization and average pooling counts the
zeros around, as in the Caffe model whose weights are public. bn_inception_separable is Caffe's
copy of TensorFlow's inception_v2: the paper's separable first convolution, with a bias and no
normalization behind it; narrower projections in 4c and 4d; no biases elsewhere.
"""

from collections.abc import Sequence

from keras import Input, KerasTensor, Model, layers

from kerascnn.errors import required
from kerascnn.layers import ceil_max_pool, conv_bn, padded_average_pool
from kerascnn.models.published import TF_SLIM, Published
from kerascnn.models.registry import register, row
from kerascnn.models.sizes import require_at_least

# Of a module #1x1, (reduce, #3x3), (reduce, #double 3x3), pool proj.
Filters = tuple[int | None, tuple[int, int], tuple[int, int], int | None]


# fmt: off
FIGURE_4 = Published("Figure 4 of the paper")
# For each module #1x1, (#3x3 reduce, #3x3), (#double 3x3 reduce, #double 3x3), pool proj; those
# with neither #1x1 nor projection stride.
def modules(proj_4cd: int) -> tuple[tuple[Filters, ...], ...]:
    return (
        ((64, (64, 64), (64, 96), 32), (64, (64, 96), (64, 96), 64)),
        ((None, (128, 160), (64, 96), None),
         (224, (64, 96), (96, 128), 128), (192, (96, 128), (96, 128), 128),
         (160, (128, 160), (128, 160), proj_4cd), (96, (128, 192), (160, 192), proj_4cd)),
        ((None, (128, 192), (192, 256), None),
         (352, (192, 320), (160, 224), 128), (352, (192, 320), (192, 224), 128)),
    )


VARIANTS = {
    "bn_inception": row(modules=modules(128), top1=74.8, top5=92.18, published=FIGURE_4,
                        params=11_295_240, macs=2_032_600_064),
    "bn_inception_separable": row(modules=modules(96), separable=True, use_bias=False,
                                  top1=73.9, top5=91.8, published=TF_SLIM,
                                  params=11_188_224, macs=1_934_857_216),
}
# fmt: on


@register(VARIANTS, paper="arXiv:1502.03167", year=2015)
def bn_inception(
    modules: Sequence[Sequence[Filters]],
    *,
    separable: bool = False,
    use_bias: bool = True,
    input_shape: tuple[int, int, int] = (224, 224, 3),
    num_classes: int = 1000,
    name: str = "bn_inception",
) -> Model:
    """Builds BN-Inception; returns logits, (batch, num_classes).

    modules: for each stage the filters of its modules, as in `inception`. separable: the first
    convolution is. use_bias: the convolutions have a bias in front of the normalization.
    """
    require_at_least(11, input_shape, name)
    x = image = Input(input_shape, name="image")
    if separable:
        x = layers.ZeroPadding2D(3, name="stem_1_pad")(x)
        x = layers.SeparableConv2D(64, 7, 2, depth_multiplier=8, name="stem_1_conv")(x)
        x = layers.ReLU(name="stem_1_relu")(x)
    else:
        x = conv_bn(x, 64, 7, 2, use_bias=use_bias, name="stem_1")
    x = ceil_max_pool(x, 3, 2, name="stem_1_pool")
    x = conv_bn(x, 64, 1, use_bias=use_bias, name="stem_2")
    x = conv_bn(x, 192, 3, use_bias=use_bias, name="stem_3")
    x = ceil_max_pool(x, 3, 2, name="stem_3_pool")
    for stage, filters in enumerate(modules, start=1):
        for i, widths in enumerate(filters, start=1):
            last = stage == len(modules) and i == len(filters)
            x = inception(x, widths, use_bias, last, f"stage{stage}_block{i}")
    x = layers.GlobalAveragePooling2D(name="head_pool")(x)
    x = layers.Dense(num_classes, name="head_logits")(x)
    return Model(image, x, name=name)


def inception(
    x: KerasTensor, filters: Filters, use_bias: bool, max_pool: bool, name: str
) -> KerasTensor:
    """1x1, 3x3, two 3x3 and pooling side by side.  (H, W, C) -> (H, W, their sum).

    filters: #1x1, (reduce, #3x3), (reduce, #double 3x3), pool proj. Where #1x1 is None the module
    strides: (H, W, C) -> (H/2, W/2, #3x3 + #double 3x3 + C). max_pool: a maximum in front of the
    projection instead of an average.
    """
    n1, (reduce3, n3), (reduce33, n33), proj = filters
    strides = 2 if n1 is None else 1
    b = conv_bn(x, reduce3, 1, use_bias=use_bias, name=f"{name}_3x3_reduce")
    b = conv_bn(b, n3, 3, strides, use_bias=use_bias, name=f"{name}_3x3")
    c = conv_bn(x, reduce33, 1, use_bias=use_bias, name=f"{name}_double3x3_reduce")
    c = conv_bn(c, n33, 3, use_bias=use_bias, name=f"{name}_double3x3_1")
    c = conv_bn(c, n33, 3, strides, use_bias=use_bias, name=f"{name}_double3x3_2")
    if n1 is None:
        # Rounding up where the map is even, as it is at 224; as wide as b and c where it is odd.
        d = layers.MaxPooling2D(3, 2, "same", name=f"{name}_pool")(x)
        return layers.Concatenate(name=f"{name}_concat")([b, c, d])
    a = conv_bn(x, n1, 1, use_bias=use_bias, name=f"{name}_1x1")
    if max_pool:
        d = layers.MaxPooling2D(3, 1, "same", name=f"{name}_pool")(x)
    else:
        d = padded_average_pool(x, 3, name=f"{name}_pool")
    d = conv_bn(d, required(proj), 1, use_bias=use_bias, name=f"{name}_pool_proj")
    return layers.Concatenate(name=f"{name}_concat")([a, b, c, d])

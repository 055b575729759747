"""The networks of MLPerf Tiny: Banbury et al., "MLPerf Tiny Benchmark", arXiv:2106.07597.

ResNet-8, image classification: 32x32x3 -> stem 32x32x16 -> three residual stages, 32, 16 and 8
pixels wide, of 16, 32 and 64 channels -> global average -> logits.

Departs from ResNet's own paper as the benchmark's reference does: convolutions keep their bias in
front of batch normalization, and the 1x1 shortcut of a strided stage has no normalization.

MobileNetV1-0.25, visual wake words: MobileNet on 96x96x3 with a quarter of its widths, with biases
and ReLU.

DS-CNN (Zhang, Suda, Lai & Chandra, "Hello Edge", arXiv:1711.07128), keyword spotting: 49 frames of
10 cepstral coefficients -> stem 25x5x64, 10x4 kernels -> four blocks of a 3x3 depthwise and a 1x1
convolution -> average -> logits. The average covers 24x5 of the 25x5 positions: the reference
leaves the last row out.
"""

from keras import Input, KerasTensor, Model, layers

from kerascnn.layers import conv, conv_bn, depthwise_conv_bn
from kerascnn.models.mobilenet_v1 import mobilenet_v1
from kerascnn.models.published import Published
from kerascnn.models.registry import register, row
from kerascnn.models.sizes import require_at_least

# fmt: off
BENCHMARK = Published("the benchmark's own reference file", "whole")
VARIANTS = {
    "resnet8": row(filters=16, params=78_186, macs=12_501_632,
                   input_shape=(32, 32, 3), num_classes=10, top1=87.19, published=BENCHMARK),
    "resnet8_26": row(filters=26, params=204_526, macs=32_562_192,
                      input_shape=(32, 32, 3), num_classes=10),
}
VISUAL_WAKE_WORDS = {
    "mobilenet_v1_025_vww": row(alpha=0.25, act="relu", use_bias=True,
                                params=216_322, macs=7_489_664,
                                input_shape=(96, 96, 3), num_classes=2),
}
KEYWORD_SPOTTING = {
    "ds_cnn": row(params=23_756, macs=2_656_768, input_shape=(49, 10, 1), num_classes=12),
}
# fmt: on

register(VISUAL_WAKE_WORDS, paper="arXiv:2106.07597", year=2021)(mobilenet_v1)


def residual(x: KerasTensor, filters: int, strides: int, name: str) -> KerasTensor:
    """Two 3x3 convolutions and a shortcut.  (H, W, C) -> (H/strides, W/strides, filters)."""
    shortcut = x
    x = conv_bn(x, filters, 3, strides, padding="same", use_bias=True, name=f"{name}_1")
    x = conv_bn(x, filters, 3, padding="same", use_bias=True, act=None, name=f"{name}_2")
    if strides != 1:
        shortcut = conv(shortcut, filters, 1, strides, padding="same", name=f"{name}_proj")
    x = layers.Add(name=f"{name}_add")([x, shortcut])
    return layers.ReLU(name=f"{name}_out")(x)


@register(VARIANTS, paper="arXiv:2106.07597", year=2021)
def resnet8(
    filters: int = 16,
    *,
    input_shape: tuple[int, int, int] = (32, 32, 3),
    num_classes: int = 10,
    name: str = "resnet8",
) -> Model:
    """Builds ResNet-8; `filters`: channels of the first stage. Returns logits."""
    x = image = Input(input_shape, name="image")
    x = conv_bn(x, filters, 3, padding="same", use_bias=True, name="stem")
    x = residual(x, filters, 1, name="stage1_block1")
    x = residual(x, 2 * filters, 2, name="stage2_block1")
    x = residual(x, 4 * filters, 2, name="stage3_block1")
    x = layers.GlobalAveragePooling2D(name="head_pool")(x)
    x = layers.Dense(num_classes, name="head_logits")(x)
    return Model(image, x, name=name)


@register(KEYWORD_SPOTTING, paper="arXiv:1711.07128", year=2017)
def ds_cnn(
    *, input_shape: tuple[int, int, int] = (49, 10, 1), num_classes: int = 12, name: str = "ds_cnn"
) -> Model:
    """Builds DS-CNN, which returns logits. input_shape: (frames, coefficients, 1)."""
    require_at_least(2, input_shape, name)
    options = {"padding": "same", "use_bias": True, "epsilon": 1e-3}
    x = image = Input(input_shape, name="image")
    x = conv_bn(x, 64, (10, 4), 2, **options, name="stem")
    x = layers.Dropout(0.2, name="stem_dropout")(x)
    for i in range(1, 5):
        x = depthwise_conv_bn(x, 3, **options, name=f"stage1_block{i}_1")
        x = conv_bn(x, 64, 1, **options, name=f"stage1_block{i}_2")
    x = layers.Dropout(0.4, name="head_dropout")(x)
    x = layers.AveragePooling2D((input_shape[0] // 2, input_shape[1] // 2), name="head_pool")(x)
    x = layers.Flatten(name="head_flatten")(x)
    x = layers.Dense(num_classes, name="head_logits")(x)
    return Model(image, x, name=name)

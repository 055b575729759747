"""Xception: Chollet, "Xception: Deep Learning with Depthwise Separable Convolutions",
arXiv:1610.02357, Figure 5.

299x299x3 -> stem 147x147x64, unpadded -> stages 74, 37, 19 and 10 pixels wide. Stages 1 to 3 begin
with the blocks of the entry flow, 128, 256 and 728 channels; the eight blocks of the middle flow
belong to stage 3; stage 4 is the exit flow, 1024 and 2048 channels -> global average -> logits.

A separable convolution is a depthwise and a 1x1 convolution with nothing between them, here two
layers. The row _torch is timm's legacy_xception: torch's epsilon, and a pooling that looks as far
to the left as to the right. Departs from the paper where keras.applications does: no dropout before
the logits.
"""

from collections.abc import Callable
from functools import partial

from keras import Input, KerasTensor, Model, layers

from kerascnn.layers import activation, centered_max_pool, conv_bn, depthwise_conv
from kerascnn.models.published import KERAS_IO
from kerascnn.models.registry import register, row
from kerascnn.models.resnet import head
from kerascnn.models.sizes import require_at_least

# fmt: off
VARIANTS = {
    "xception": row(params=22_855_952, macs=8_357_403_496,
                    top1=79.0, top5=94.5, published=KERAS_IO, input_shape=(299, 299, 3)),
    "xception_torch": row(torch=True, params=22_855_952, macs=8_357_403_496,
                          input_shape=(299, 299, 3)),
}
# fmt: on


@register(VARIANTS, paper="arXiv:1610.02357", year=2016)
def xception(
    *,
    torch: bool = False,
    input_shape: tuple[int, int, int] = (299, 299, 3),
    num_classes: int = 1000,
    name: str = "xception",
) -> Model:
    """Builds Xception, which returns logits, (batch, num_classes). torch: the form of timm."""
    require_at_least(7, input_shape, name)
    unit = partial(conv_bn, epsilon=1e-5 if torch else 1e-3)
    pool = centered_max_pool if torch else max_pool
    x = image = Input(input_shape, name="image")
    x = unit(x, 32, 3, 2, padding="valid", name="stem_1")
    x = unit(x, 64, 3, padding="valid", name="stem_2")
    x = strided_block(x, 128, 128, unit, pool, "stage1_block1", first_relu=False)
    x = strided_block(x, 256, 256, unit, pool, "stage2_block1")
    x = strided_block(x, 728, 728, unit, pool, "stage3_block1")
    for i in range(2, 10):
        x = middle_block(x, 728, unit, f"stage3_block{i}")
    x = strided_block(x, 728, 1024, unit, pool, "stage4_block1")
    x = separable_bn(x, 1536, unit, "stage4_block2_1", act="relu")
    x = separable_bn(x, 2048, unit, "stage4_block2_2", act="relu")
    return Model(image, head(x, num_classes), name=name)


def strided_block(
    x: KerasTensor,
    inner: int,
    filters: int,
    unit: Callable[..., KerasTensor],
    pool: Callable[..., KerasTensor],
    name: str,
    *,
    first_relu: bool = True,
) -> KerasTensor:
    """Two separable convolutions, 3x3 maximum, 1x1 shortcut.  (H, W, C) -> (H/2, W/2, filters)."""
    shortcut = unit(x, filters, 1, 2, act=None, name=f"{name}_proj")
    x = activation(x, "relu" if first_relu else None, f"{name}_1")
    x = separable_bn(x, inner, unit, f"{name}_1")
    x = activation(x, "relu", f"{name}_2")
    x = separable_bn(x, filters, unit, f"{name}_2")
    x = pool(x, 3, 2, name=f"{name}_pool")
    return layers.Add(name=f"{name}_add")([x, shortcut])


def max_pool(x: KerasTensor, pool_size: int, strides: int, *, name: str) -> KerasTensor:
    """Keras' "same" pooling."""
    return layers.MaxPooling2D(pool_size, strides, padding="same", name=name)(x)


def middle_block(
    x: KerasTensor, filters: int, unit: Callable[..., KerasTensor], name: str
) -> KerasTensor:
    """Three separable convolutions, plus x.  The shape stays."""
    shortcut = x
    for k in (1, 2, 3):
        x = activation(x, "relu", f"{name}_{k}")
        x = separable_bn(x, filters, unit, f"{name}_{k}")
    return layers.Add(name=f"{name}_add")([x, shortcut])


def separable_bn(
    x: KerasTensor,
    filters: int,
    unit: Callable[..., KerasTensor],
    name: str,
    *,
    act: str | None = None,
) -> KerasTensor:
    """3x3 depthwise, 1x1, batch normalization.  (H, W, C) -> (H, W, filters)."""
    x = depthwise_conv(x, 3, use_bias=False, name=f"{name}_depthwise")
    return unit(x, filters, 1, act=act, name=name)

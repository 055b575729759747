"""All-CNN: Springenberg, Dosovitskiy, Brox & Riedmiller, "Striving for Simplicity: The All
Convolutional Net", arXiv:1412.6806, All-CNN-C.

32x32x3 -> 16x16x96 -> 8x8x192 -> 6x6xclasses -> average -> logits. Where others pool, a 3x3
convolution strides. The class maps go through a ReLU, as in Network in Network.
"""

from keras import Input, Model, layers

from kerascnn.layers import conv
from kerascnn.models.published import Published
from kerascnn.models.registry import register, row
from kerascnn.models.sizes import require_at_least

# fmt: off
TABLE_3 = Published("Table 3 of the paper", "whole")  # without augmentation
VARIANTS = {
    "all_cnn_c": row(params=1_369_738, macs=270_798_336, top1=90.92, published=TABLE_3,
                     input_shape=(32, 32, 3), num_classes=10),
}
# fmt: on


@register(VARIANTS, paper="arXiv:1412.6806", year=2014)
def all_cnn_c(
    *,
    input_shape: tuple[int, int, int] = (32, 32, 3),
    num_classes: int = 10,
    name: str = "all_cnn_c",
) -> Model:
    """Builds All-CNN-C, which returns logits, (batch, num_classes)."""
    require_at_least(9, input_shape, name)
    x = image = Input(input_shape, name="image")
    x = layers.Dropout(0.2, name="stem_dropout")(x)
    for stage, filters in enumerate((96, 192), start=1):
        x = conv(x, filters, 3, act="relu", name=f"stage{stage}_1")
        x = conv(x, filters, 3, act="relu", name=f"stage{stage}_2")
        x = conv(x, filters, 3, 2, act="relu", name=f"stage{stage}_3")
        x = layers.Dropout(0.5, name=f"stage{stage}_dropout")(x)
    x = conv(x, 192, 3, padding="valid", act="relu", name="stage3_1")
    x = conv(x, 192, 1, act="relu", name="stage3_2")
    x = conv(x, num_classes, 1, act="relu", name="stage3_3")
    x = layers.GlobalAveragePooling2D(name="head_logits")(x)
    return Model(image, x, name=name)

"""SegNet-Basic: Badrinarayanan, Kendall & Cipolla, "SegNet: A Deep Convolutional Encoder-Decoder
Architecture for Image Segmentation", arXiv:1511.00561, section 3.1.

360x480x3 -> local response normalization -> encoder: four times a 7x7 convolution of 64 filters and
a 2x2 max pooling that remembers its winners -> decoder: four times the unpooling that puts values
back there, and a 7x7 convolution without an activation -> 1x1 -> a class a pixel.

As in the authors' segnet_basic_train.prototxt, whose parameters the paper gives as 1.425M.
"""

from keras import Input, Model, layers

from kerascnn.layers import (
    LocalResponseNormalization,
    MaxPoolingWithIndices2D,
    MaxUnpooling2D,
    conv_bn,
)
from kerascnn.models.registry import register, row

LEVELS = 4

# fmt: off
VARIANTS = {
    "segnet_basic": row(filters=64, params=1_416_587, macs=59_188_838_400,
                        input_shape=(360, 480, 3), num_classes=11),
}
# fmt: on


@register(VARIANTS, paper="arXiv:1511.00561", year=2015)
def segnet_basic(
    filters: int,
    *,
    input_shape: tuple[int, int, int] = (360, 480, 3),
    num_classes: int = 11,
    name: str = "segnet_basic",
) -> Model:
    """Builds SegNet-Basic: logits for each pixel, (batch, height, width, num_classes).

    filters: of every convolution.
    """
    image = Input(input_shape, name="image")
    x = LocalResponseNormalization(5, k=1.0, convention="caffe", name="stem_lrn")(image)
    places = []
    for stage in range(1, LEVELS + 1):
        x = conv_bn(x, filters, 7, use_bias=True, name=f"stage{stage}")
        size = x.shape[1:3]
        x, indices = MaxPoolingWithIndices2D(padding="same", name=f"stage{stage}_pool")(x)
        places.append((indices, size))
    for stage, (indices, size) in enumerate(reversed(places), start=LEVELS + 1):
        x = MaxUnpooling2D(output_size=size, name=f"stage{stage}_unpool")(x, indices)
        x = conv_bn(x, filters, 7, use_bias=True, act=None, name=f"stage{stage}")
    x = layers.Conv2D(num_classes, 1, kernel_initializer="he_normal", name="head_logits")(x)
    return Model(image, x, name=name)

"""MobileNet: Howard et al., "MobileNets: Efficient Convolutional Neural Networks for Mobile Vision
Applications", arXiv:1704.04861.

224x224x3 -> stem 112x112x32 -> thirteen blocks of a 3x3 depthwise and a 1x1 convolution in five
stages, 112, 56, 28, 14 and 7 pixels wide, of 64, 128, 256, 512 and 1024 channels -> global average
-> logits. alpha scales every width.

The row _torch is timm's: symmetric padding and torch's epsilon. Departs from the paper as the
authors' TensorFlow code and keras.applications do: ReLU6, not ReLU, and "same" padding. The stride
that Table 1 gives to the last depthwise convolution is a misprint: it is 1, for the image is 7
pixels wide before and after.
"""

from keras import Input, Model

from kerascnn.layers import conv_bn, depthwise_conv_bn
from kerascnn.models.published import TF_SLIM
from kerascnn.models.registry import register, row
from kerascnn.models.resnet import head

STAGES = ((64, 1), (128, 2), (256, 2), (512, 6), (1024, 2))  # channels, blocks

# fmt: off
VARIANTS = {  # Tables 6 and 7
    "mobilenet_v1": row(top1=70.6, top5=89.5, published=TF_SLIM,
                        params=4_231_976, macs=568_740_352),
    "mobilenet_v1_075": row(alpha=0.75, top1=68.4, top5=88.2, published=TF_SLIM,
                            params=2_585_560, macs=325_400_448),
    "mobilenet_v1_050": row(alpha=0.5, top1=63.7, top5=84.9, published=TF_SLIM,
                            params=1_331_592, macs=149_497_088),
    "mobilenet_v1_025": row(alpha=0.25, top1=50.6, top5=74.9, published=TF_SLIM,
                            params=470_072, macs=41_030_272),
    "mobilenet_v1_100_192": row(input_shape=(192, 192, 3), params=4_231_976, macs=418_121_728),
    "mobilenet_v1_100_160": row(input_shape=(160, 160, 3), params=4_231_976, macs=290_675_200),
    "mobilenet_v1_100_128": row(input_shape=(128, 128, 3), params=4_231_976, macs=186_400_768),
    "mobilenet_v1_torch": row(padding="symmetric", epsilon=1e-5,
                              params=4_231_976, macs=568_740_352),
}
# fmt: on


@register(VARIANTS, paper="arXiv:1704.04861", year=2017)
def mobilenet_v1(
    *,
    alpha: float = 1.0,
    act: str | None = "relu6",
    use_bias: bool = False,
    padding: str = "same",
    epsilon: float = 1e-3,
    input_shape: tuple[int, int, int] = (224, 224, 3),
    num_classes: int = 1000,
    name: str = "mobilenet_v1",
) -> Model:
    """Builds a MobileNet that returns logits, (batch, num_classes).

    alpha: scales the widths. act: the activation. use_bias, padding: of the convolutions. epsilon:
    of the normalizations.
    """
    options = {"padding": padding, "use_bias": use_bias, "act": act, "epsilon": epsilon}
    x = image = Input(input_shape, name="image")
    x = conv_bn(x, int(32 * alpha), 3, 2, **options, name="stem")
    for stage, (filters, blocks) in enumerate(STAGES, start=1):
        for i in range(1, blocks + 1):
            strides = 2 if stage > 1 and i == 1 else 1
            block = f"stage{stage}_block{i}"
            x = depthwise_conv_bn(x, 3, strides, **options, name=f"{block}_1")
            x = conv_bn(x, int(filters * alpha), 1, **options, name=f"{block}_2")
    return Model(image, head(x, num_classes), name=name)

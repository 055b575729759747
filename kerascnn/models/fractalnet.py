"""FractalNet: Larsson, Maire & Shakhnarovich, "FractalNet: Ultra-Deep Neural Networks without
Residuals", arXiv:1605.07648.

    f_1(x) = conv(x),   f_C(x) = join(f_(C-1)(f_(C-1)(x)), conv(x))

A block f_C is a table of 2^(C-1) rows and C columns: column c has a convolution in every 2^c-th
row, and whatever ends in a row is joined by its mean. 32x32x3 -> five such blocks, 32, 16, 8, 4
and 2 pixels wide, each with a 2x2 maximum in front of its last join -> 1x1 -> logits. Depth is
that of column 0: 5 * 2^(C-1).

While training, drop-path keeps some paths: half of the images drop 15 % of the inputs of each
join ("local"), the other half keep one column of the whole network ("global").

Departs from the authors' Caffe files, which give a bias to the convolution and leave the
normalization without scale and offset. Their own count of the 20-layer network, 38.6 M, is not
what their generator builds, which is this.
"""

from collections.abc import Sequence

from keras import Input, KerasTensor, Model, layers

from kerascnn.layers import FractalColumn, FractalJoin, batch_norm, conv
from kerascnn.models.registry import register, row
from kerascnn.models.resnet import head
from kerascnn.models.sizes import require_at_least

# fmt: off
WIDE, NARROW = (64, 128, 256, 512, 512), (16, 32, 64, 128, 128)
CIFAR10 = {"input_shape": (32, 32, 3), "num_classes": 10}
VARIANTS = {  # Tables 1 and 4
    "fractalnet20": row(columns=3, filters=WIDE, params=33_724_618, macs=845_222_912, **CIFAR10),
    "fractalnet40": row(columns=4, filters=WIDE, params=76_106_634, macs=2_036_077_568, **CIFAR10),
    "fractalnet40_narrow": row(columns=4, filters=NARROW, params=4_778_820, macs=128_594_432,
                               input_shape=(32, 32, 3), num_classes=100),
}
# fmt: on


@register(VARIANTS, paper="arXiv:1605.07648", year=2016)
def fractalnet(
    columns: int,
    filters: Sequence[int],
    *,
    input_shape: tuple[int, int, int] = (32, 32, 3),
    num_classes: int = 10,
    name: str = "fractalnet",
) -> Model:
    """Builds a FractalNet that returns logits, (batch, num_classes).

    columns: C. filters: channels of each block; the dropout behind the convolutions of block b is
    0.1 (b - 1). Images of more than 2^len(filters) pixels a side are averaged before the logits.
    """
    require_at_least(2 ** len(filters), input_shape, name)
    x = image = Input(input_shape, name="image")
    column = FractalColumn(columns, name="stage1_column")(image)
    for stage, width in enumerate(filters, start=1):
        x = fractal(x, column, columns, width, 0.1 * (stage - 1), f"stage{stage}")
    return Model(image, head(x, num_classes), name=name)


def fractal(
    x: KerasTensor,
    column: KerasTensor | None,
    columns: int,
    filters: int,
    dropout: float,
    name: str,
) -> KerasTensor:
    """The block f_C.  (H, W, C) -> (H/2, W/2, filters)."""
    inputs = [x] * columns
    rows = 2 ** (columns - 1)
    for i in range(1, rows + 1):
        ending = [c for c in range(columns) if i % 2**c == 0]
        outputs = []
        for c in ending:
            y = conv_drop_bn(inputs[c], filters, dropout, f"{name}_block{i}_{c + 1}")
            if i == rows:
                y = layers.MaxPooling2D(2, name=f"{name}_block{i}_{c + 1}_pool")(y)
            outputs.append(y)
        y = outputs[0]
        if len(outputs) > 1:
            y = FractalJoin(columns=ending, name=f"{name}_block{i}_join")(outputs, column)
        for c in ending:
            inputs[c] = y
    return inputs[0]


def conv_drop_bn(x: KerasTensor, filters: int, dropout: float, name: str) -> KerasTensor:
    """3x3, dropout, batch normalization, ReLU.  (H, W, C) -> (H, W, filters)."""
    x = conv(x, filters, 3, use_bias=False, name=name)
    if dropout:
        x = layers.Dropout(dropout, name=f"{name}_dropout")(x)
    return batch_norm(x, name=name)

"""LeNet-5: LeCun, Bottou, Bengio & Haffner, "Gradient-Based Learning Applied to Document
Recognition", Proceedings of the IEEE 86(11), 1998.

32x32x1 -> C1 28x28x6 -> S2 14x14x6 -> C3 10x10x16 -> S4 5x5x16 -> C5 120 -> F6 84 -> logits.

lenet5_1998 is the network of section II-B: C3 sees the maps that Table I says, the subsampling has
weights, every layer is squashed by a scaled tanh, and the output measures distances to fixed
codes. The codes are drawn here: the paper prints its own as a picture only.

lenet5 is its modern form: C3 sees all six maps, the subsampling is a plain average without
weights, and a dense layer stands in for the Gaussian connections. The squashing stays a tanh.
lenet5_28 is the same on 28x28 digits without padding. lenet_caffe is another network, the one of
Caffe's MNIST tutorial: wider, maximum pooling, and a ReLU only behind the dense layer.
"""

from keras import Input, KerasTensor, Model, layers

from kerascnn.errors import UserError
from kerascnn.layers import (
    PartiallyConnectedConv2D,
    RadialBasisOutput,
    TrainableSubsampling2D,
    conv,
    dense_head,
    scaled_tanh,
)
from kerascnn.models.published import Published
from kerascnn.models.registry import register, row
from kerascnn.models.sizes import require_at_least, require_exactly

# fmt: off
SECTION_3 = Published("section III-B of the paper", "whole")
CAFFE_README = Published("Caffe's example", "whole")
VARIANTS = {
    "lenet5": row(params=61_706, macs=416_520, input_shape=(32, 32, 1), num_classes=10),
    "lenet5_28": row(params=44_426, macs=281_640, input_shape=(28, 28, 1), num_classes=10),
}
ORIGINAL = {
    "lenet5_1998": row(params=60_000, macs=325_680, input_shape=(32, 32, 1), num_classes=10,
                       top1=99.05, published=SECTION_3),
}
CAFFE = {
    "lenet_caffe": row(params=431_080, macs=2_293_000, input_shape=(28, 28, 1), num_classes=10,
                       top1=99.1, published=CAFFE_README),
}
TABLE_I = (  # the maps of S2 that each map of C3 sees
    (0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (0, 4, 5), (0, 1, 5),
    (0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (0, 3, 4, 5), (0, 1, 4, 5), (0, 1, 2, 5),
    (0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5),
    (0, 1, 2, 3, 4, 5),
)
DIGITS = """
..###.. ...#... ..###.. .#####. .....#. ####### ...###. ####### .#####. ..####.
.#...#. ..##... .#...#. #.....# ....##. #...... ..#.... ......# #.....# .#....#
#.....# .#.#... #.....# ......# ...#.#. #...... .#..... .....#. #.....# #.....#
#.....# ...#... ......# ......# ..#..#. #...... #...... .....#. #.....# #.....#
#.....# ...#... ......# ......# .#...#. #.###.. #...... ....#.. .#...#. #.....#
#.....# ...#... .....#. ..####. #....#. ##...#. #.###.. ....#.. ..###.. .#...##
#.....# ...#... ....#.. ......# ####### ......# ##...#. ...#... .#...#. ..###.#
#.....# ...#... ...#... ......# .....#. ......# #.....# ...#... #.....# ......#
#.....# ...#... ..#.... ......# .....#. ......# #.....# ..#.... #.....# ......#
#.....# ...#... .#..... ......# .....#. ......# #.....# ..#.... #.....# .....#.
.#...#. ...#... #...... #.....# .....#. #.....# .#...#. .#..... #.....# ....#..
..###.. .#####. ####### .#####. .....#. .#####. ..###.. .#..... .#####. .###...
"""
# fmt: on


@register(VARIANTS, paper="Proc. IEEE 86(11)", year=1998)
def lenet5(
    *, input_shape: tuple[int, int, int] = (32, 32, 1), num_classes: int = 10, name: str = "lenet5"
) -> Model:
    """Builds LeNet-5 in its modern form; returns logits, (batch, num_classes)."""
    require_at_least(16, input_shape, name)
    x = image = Input(input_shape, name="image")
    x = conv(x, 6, 5, padding="valid", act="tanh", name="stage1")
    x = layers.AveragePooling2D(2, name="stage1_pool")(x)
    x = conv(x, 16, 5, padding="valid", act="tanh", name="stage2")
    x = layers.AveragePooling2D(2, name="stage2_pool")(x)
    return Model(image, dense_head(x, (120, 84), num_classes, act="tanh"), name=name)


@register(ORIGINAL, paper="Proc. IEEE 86(11)", year=1998)
def lenet5_1998(
    *,
    input_shape: tuple[int, int, int] = (32, 32, 1),
    num_classes: int = 10,
    name: str = "lenet5_1998",
) -> Model:
    """Builds LeNet-5 as published; returns logits, minus the distances to the codes.

    Raises:
        UserError: images that are not 32x32, or more classes than there are codes, 10.
    """
    require_exactly(32, input_shape, name)
    codes = digit_codes()
    if num_classes > len(codes):
        raise UserError(
            f"{name}: expected at most {len(codes)} classes, a fixed code for each digit, "
            f"got {num_classes}; take lenet5 for more"
        )
    x = image = Input(input_shape, name="image")
    x = squash(conv(x, 6, 5, padding="valid", name="stage1"), "stage1")
    x = squash(TrainableSubsampling2D(2, name="stage1_pool")(x), "stage1_pool")
    x = squash(PartiallyConnectedConv2D(TABLE_I, 5, name="stage2_conv")(x), "stage2")
    x = squash(TrainableSubsampling2D(2, name="stage2_pool")(x), "stage2_pool")
    x = squash(conv(x, 120, 5, padding="valid", name="stage3"), "stage3")
    x = layers.Flatten(name="head_flatten")(x)
    x = squash(layers.Dense(84, name="head_1_dense")(x), "head_1")
    x = RadialBasisOutput(codes[:num_classes], name="head_logits")(x)
    return Model(image, x, name=name)


@register(CAFFE, paper="Caffe, examples/mnist", year=2014)
def lenet_caffe(
    *,
    input_shape: tuple[int, int, int] = (28, 28, 1),
    num_classes: int = 10,
    name: str = "lenet_caffe",
) -> Model:
    """Builds the LeNet of Caffe's tutorial; returns logits, (batch, num_classes)."""
    require_at_least(16, input_shape, name)
    x = image = Input(input_shape, name="image")
    x = conv(x, 20, 5, padding="valid", name="stage1")
    x = layers.MaxPooling2D(2, name="stage1_pool")(x)
    x = conv(x, 50, 5, padding="valid", name="stage2")
    x = layers.MaxPooling2D(2, name="stage2_pool")(x)
    return Model(image, dense_head(x, (500,), num_classes), name=name)


def squash(x: KerasTensor, name: str) -> KerasTensor:
    """1.7159 tanh(2 x / 3), appendix A."""
    return layers.Activation(scaled_tanh, name=f"{name}_tanh")(x)


def digit_codes() -> tuple[tuple[int, ...], ...]:
    """For each digit its drawing of 7x12 pixels as 84 numbers, +1 for ink and -1 for paper."""
    rows = [line.split() for line in DIGITS.split("\n")[1:-1]]
    return tuple(
        tuple(1 if pixel == "#" else -1 for row in rows for pixel in row[digit])
        for digit in range(10)
    )

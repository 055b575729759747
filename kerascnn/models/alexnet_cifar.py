"""AlexNet for images of CIFAR's size, with each of its parts to be left out.

Krizhevsky, Sutskever & Hinton, "ImageNet Classification with Deep Convolutional Neural Networks",
NIPS 2012, at a quarter of its widths; the ablations are those of its section 3 and of Zeiler &
Fergus, "Visualizing and Understanding Convolutional Networks", arXiv:1311.2901, Table 3.

32x32x3 -> 15x15x24 -> 7x7x64 -> three convolutions, 7x7x96, 96 and 64 -> 3x3x64 -> 256 -> 256 ->
logits.

The seven layers keep the numbers of the paper: 1 to 5 are convolutions, 6 and 7 dense. The row is
ours: the paper's own network for CIFAR-10 is told in a footnote, without its widths. The first
convolution is 5x5 and does not stride.
"""

from collections.abc import Sequence

from keras import Input, KerasTensor, Model, layers

from kerascnn.errors import UserError
from kerascnn.layers import LocalResponseNormalization, conv, dense_head
from kerascnn.models.registry import register, row
from kerascnn.models.sizes import require_at_least

# fmt: off
VARIANTS = {
    "alexnet_cifar": row(params=450_154, macs=20_182_016, input_shape=(32, 32, 3), num_classes=10),
}
# fmt: on
REMOVABLE = (3, 4, 5, 6, 7)


@register(VARIANTS, paper="NIPS 2012", year=2012)
def alexnet_cifar(
    *,
    without: Sequence[int] = (),
    towers: int = 1,
    response_normalization: bool = True,
    overlapping: bool = True,
    dropout: float = 0.5,
    input_shape: tuple[int, int, int] = (32, 32, 3),
    num_classes: int = 10,
    name: str = "alexnet_cifar",
) -> Model:
    """Builds a small AlexNet that returns logits, (batch, num_classes).

    without: layers to leave out, of 3 to 7. towers: groups of layers 2, 4 and 5.
    response_normalization: behind layers 1 and 2. overlapping: pools 3x3 by strides of 2, else
    2x2. dropout: behind layers 6 and 7.

    Raises:
        UserError: a layer that cannot be left out, or an image that is too small.
    """
    for layer in without:
        if layer not in REMOVABLE:
            raise UserError(f"{name}: without: expected layers of 3 to 7, got {layer!r}")
    require_at_least(15 if overlapping else 8, input_shape, name)
    x = image = Input(input_shape, name="image")
    for stage, filters in ((1, 24), (2, 64)):
        groups = towers if stage == 2 else 1
        x = conv(x, filters, 5, groups=groups, act="relu", name=f"stage{stage}")
        if response_normalization:
            x = LocalResponseNormalization(name=f"stage{stage}_lrn")(x)
        x = pooled(x, overlapping, f"stage{stage}")
    for layer, filters, groups in ((3, 96, 1), (4, 96, towers), (5, 64, towers)):
        if layer not in without:
            x = conv(x, filters, 3, groups=groups, act="relu", name=f"stage3_{layer - 2}")
    x = pooled(x, overlapping, "stage3")
    units = [256 for layer in (6, 7) if layer not in without]
    return Model(image, dense_head(x, units, num_classes, dropout=dropout), name=name)


def pooled(x: KerasTensor, overlapping: bool, name: str) -> KerasTensor:
    """The maximum of 3x3 or 2x2 windows.  (n, n, C) -> ((n - 1) / 2 or n / 2, ..., C)."""
    return layers.MaxPooling2D(3 if overlapping else 2, 2, name=f"{name}_pool")(x)

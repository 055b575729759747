"""A fully convolutional network over sequences: Wang, Yan & Oates, "Time Series Classification from
Scratch with Deep Neural Networks: A Strong Baseline", arXiv:1611.06455, section II.B.

steps x channels -> three convolutions along the steps, of 8, 5 and 3 steps and 128, 256 and 128
filters, each with batch normalization -> average over the steps -> logits. Nothing strides, so a
sequence of any length will do.

`kerascnn.data.cylinder_bell_funnel` draws the sequences of the row.
"""

from collections.abc import Sequence

from keras import Input, Model, layers

from kerascnn.layers import batch_norm
from kerascnn.models.published import Published
from kerascnn.models.registry import register, row

# fmt: off
TABLE_1 = Published("Table I of the paper", "whole")  # Cylinder-Bell-Funnel, error 0
VARIANTS = {
    "time_series_fcn": row(filters=(128, 256, 128), kernel_sizes=(8, 5, 3), top1=100.0,
                           published=TABLE_1,
                           params=265_091, macs=33_685_888, input_shape=(128, 1), num_classes=3),
}
# fmt: on


@register(VARIANTS, paper="arXiv:1611.06455", year=2016)
def time_series_fcn(
    filters: Sequence[int],
    kernel_sizes: Sequence[int],
    *,
    input_shape: tuple[int, int] = (128, 1),
    num_classes: int = 3,
    name: str = "time_series_fcn",
) -> Model:
    """Builds the network; sequences, (batch, steps, channels) -> logits, (batch, num_classes).

    filters, kernel_sizes: of the convolutions.
    """
    x = sequence = Input(input_shape, name="image")
    for stage, (count, size) in enumerate(zip(filters, kernel_sizes, strict=True), start=1):
        x = layers.Conv1D(
            count, size, padding="same", kernel_initializer="he_normal", name=f"stage{stage}_conv"
        )(x)
        x = batch_norm(x, epsilon=1e-3, name=f"stage{stage}")
    x = layers.GlobalAveragePooling1D(name="head_pool")(x)
    x = layers.Dense(num_classes, name="head_logits")(x)
    return Model(sequence, x, name=name)

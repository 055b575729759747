"""C3D: Tran, Bourdev, Fergus, Torresani & Paluri, "Learning Spatiotemporal Features with 3D
Convolutional Networks", arXiv:1412.0767, Figure 3.

16 frames of 112x112x3 -> five stages of 3x3x3 convolutions, of 64, 128, 256, 512 and 512 channels,
each closed by a maximum, the first over single frames, the others over two -> 1x4x4x512 -> 4096 ->
4096 -> logits. As in the authors' Caffe files the last pooling rounds up.

c3d_small is the same at a size that one core trains in a minute, for the clips that
`kerascnn.data.moving_squares` draws.
"""

from collections.abc import Sequence

from keras import Input, Model, layers

from kerascnn.errors import UserError
from kerascnn.layers import activation, dense_head
from kerascnn.models.registry import register, row
from kerascnn.models.sizes import require_at_least

# fmt: off
VARIANTS = {  # Sports-1M
    "c3d": row(filters=((64,), (128,), (256, 256), (512, 512), (512, 512)), units=(4096, 4096),
               dropout=0.5, params=79_991_015, macs=38_548_959_232,
               input_shape=(16, 112, 112, 3), num_classes=487),
    "c3d_small": row(filters=((8,), (16,), (32,)), units=(32,), params=36_148, macs=6_985_856,
                     input_shape=(8, 24, 24, 1), num_classes=4),
}
# fmt: on


@register(VARIANTS, paper="arXiv:1412.0767", year=2014)
def c3d(
    filters: Sequence[Sequence[int]],
    units: Sequence[int],
    *,
    dropout: float = 0.0,
    input_shape: tuple[int, int, int, int] = (16, 112, 112, 3),
    num_classes: int = 487,
    name: str = "c3d",
) -> Model:
    """Builds a C3D; clips, (batch, frames, height, width, channels) -> logits.

    filters: of the convolutions of each stage. units: of the dense layers. dropout: behind them.

    Raises:
        UserError: a clip with too few frames or pixels for the poolings.
    """
    side = 2 ** (len(filters) - 1)  # the last pooling rounds up, the first spares the frames
    require_at_least(side, input_shape[1:], name)
    if input_shape[0] < side // 2:
        raise UserError(
            f"{name}: expected clips of at least {side // 2} frames, got {input_shape[0]}; "
            f"fewer leave nothing to pool"
        )
    x = clip = Input(input_shape, name="image")
    for stage, widths in enumerate(filters, start=1):
        for k, width in enumerate(widths, start=1):
            layer = f"stage{stage}_{k}"
            x = layers.Conv3D(
                width, 3, padding="same", kernel_initializer="he_normal", name=f"{layer}_conv"
            )(x)
            x = activation(x, "relu", layer)
        pool_size = (1, 2, 2) if stage == 1 else 2
        padding = "same" if stage == len(filters) else "valid"
        x = layers.MaxPooling3D(pool_size, padding=padding, name=f"stage{stage}_pool")(x)
    return Model(clip, dense_head(x, units, num_classes, dropout=dropout), name=name)

"""Stacks of dilated convolutions: a view that grows exponentially, at full resolution."""

from collections.abc import Sequence

from keras import KerasTensor, layers

from kerascnn.layers.convolution import activation


def dilated_stack(
    x: KerasTensor,
    filters: int | Sequence[int],
    rates: Sequence[int] = (1, 2, 4, 8),
    kernel_size: int = 3,
    *,
    act: str | None = "relu",
    name: str,
) -> KerasTensor:
    """Convolutions of growing dilation, one after the other.  (H, W, C) -> (H, W, filters).

    Layer i, `{name}_{i}_conv`, has its taps rates[i] apart; padding "same". Each output sees
    1 + (kernel_size - 1) * sum(rates) inputs along every axis: 31 with the defaults, where four
    layers without dilation see 9. Over (T, C) and (D, H, W, C) likewise.

    Args:
        filters: channels of every layer; an integer, or one for each rate.
        rates: the dilation rates; doubling ones leave no gaps for kernels of 3 and more.
        act: the name of a Keras activation behind every layer, or None.

    Source: Yu & Koltun, "Multi-Scale Context Aggregation by Dilated Convolutions",
    arXiv:1511.07122, sections 2 and 3.
    """
    each = [filters] * len(rates) if isinstance(filters, int) else filters
    if len(each) != len(rates):
        raise ValueError(f"filters: expected one for each of the rates {rates}, got {filters}")
    conv = {3: layers.Conv1D, 4: layers.Conv2D, 5: layers.Conv3D}[len(x.shape)]
    for i, (channels, rate) in enumerate(zip(each, rates, strict=True), start=1):
        x = conv(
            channels,
            kernel_size,
            padding="same",
            dilation_rate=rate,
            kernel_initializer="he_normal",
            name=f"{name}_{i}_conv",
        )(x)
        x = activation(x, act, f"{name}_{i}")
    return x

"""Squeeze-and-excitation: channels weighed by what the whole image shows."""

from keras import KerasTensor, layers

from kerascnn.layers.convolution import activation, conv


def squeeze_and_excitation(
    x: KerasTensor, ratio: int = 16, *, gate: str = "sigmoid", name: str
) -> KerasTensor:
    """Scales each channel by a gate in (0, 1).  (H, W, C) -> (H, W, C).

        y = x * gate(W2 relu(W1 mean(x)))

    The mean is over the image; W1 is (C, C / ratio) and W2 (C / ratio, C), both with bias, written
    as 1x1 convolutions: 2 C^2 / ratio multiply-accumulates. C / ratio is rounded down.

    Args:
        ratio: by how much the squeezed vector is shorter; 16 in the paper.
        gate: the name of a Keras activation; "hard_sigmoid" is what mobile networks took later.
        name: prefix of the layers `_squeeze`, `_reduce_*`, `_expand_*` and `_scale`.

    Raises:
        ValueError: fewer channels than `ratio`.

    Source: Hu, Shen, Albanie, Sun & Wu, "Squeeze-and-Excitation Networks", arXiv:1709.01507,
    section 3.
    """
    channels = x.shape[-1]
    if not 1 <= ratio <= channels:
        raise ValueError(f"ratio: expected 1 to the {channels} channels, got {ratio}")
    s = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_squeeze")(x)
    s = conv(s, channels // ratio, 1, act="relu", name=f"{name}_reduce")
    s = activation(conv(s, channels, 1, name=f"{name}_expand"), gate, f"{name}_expand")
    return layers.Multiply(name=f"{name}_scale")([x, s])

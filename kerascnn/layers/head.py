"""The classifier of the networks before global average pooling."""

from collections.abc import Sequence

from keras import KerasTensor, layers


def dense_head(
    x: KerasTensor,
    units: Sequence[int],
    num_classes: int,
    *,
    act: str | None = "relu",
    dropout: float = 0.0,
    dropout_first: bool = False,
    name: str = "head",
) -> KerasTensor:
    """Flatten, hidden dense layers, logits.  (H, W, C) or (n,) -> (num_classes,).

    Layers: `{name}_flatten`, `{name}_{k}_dense`, `{name}_{k}_dropout`, `{name}_logits`. The first
    kernel fixes the size of the map: the same weights fit no other image size.

    Args:
        units: sizes of the hidden layers; may be empty.
        num_classes: size of the logits.
        act: the name of the Keras activation behind each hidden layer.
        dropout: rate of the dropout behind each hidden layer; 0 for none.
        dropout_first: it stands in front of each hidden layer instead.
    """
    x = layers.Flatten(name=f"{name}_flatten")(x)
    for k, size in enumerate(units, start=1):
        if dropout and dropout_first:
            x = layers.Dropout(dropout, name=f"{name}_{k}_dropout")(x)
        x = layers.Dense(size, activation=act, name=f"{name}_{k}_dense")(x)
        if dropout and not dropout_first:
            x = layers.Dropout(dropout, name=f"{name}_{k}_dropout")(x)
    return layers.Dense(num_classes, name=f"{name}_logits")(x)

"""Multilayer perceptrons: networks without convolution, to compare the others with.

LeCun, Bottou, Bengio & Haffner, "Gradient-Based Learning Applied to Document Recognition",
Proceedings of the IEEE 86(11), 1998, section III-C, for the rows named lenet_*; the introductory
examples of Keras, TensorFlow and Stanford's course CS231n for the others.

image -> a vector of its pixels -> hidden dense layers -> logits.
"""

from collections.abc import Sequence

from keras import Input, Model

from kerascnn.layers import dense_head
from kerascnn.models.published import Published
from kerascnn.models.registry import register, row

# fmt: off
FIGURE_9 = Published("Figure 9 of the paper", "whole")
MNIST   = {"input_shape": (28, 28, 1), "num_classes": 10}
CIFAR10 = {"input_shape": (32, 32, 3), "num_classes": 10}
LECUN = {
    "lenet_300": row(hidden=(300,), act="tanh", **MNIST, top1=95.3, published=FIGURE_9,
                     params=238_510, macs=238_200),
    "lenet_300_100": row(hidden=(300, 100), act="tanh", **MNIST, top1=96.95, published=FIGURE_9,
                         params=266_610, macs=266_200),
}
EXAMPLES = {
    "mlp_512_512": row(hidden=(512, 512), dropout=0.2, **MNIST, params=669_706, macs=668_672),
    "mlp_128": row(hidden=(128,), **MNIST, params=101_770, macs=101_632),
    "mlp_512_512_cifar10": row(hidden=(512, 512), **CIFAR10, params=1_841_162, macs=1_840_128),
    "mlp_100_cifar10": row(hidden=(100,), **CIFAR10, params=308_310, macs=308_200),
    "linear_cifar10": row(hidden=(), **CIFAR10, params=30_730, macs=30_720),
}
# fmt: on


@register(LECUN, paper="Proc. IEEE 86(11)", year=1998)
@register(EXAMPLES, paper="keras.io, tensorflow.org, cs231n", year=2015)
def mlp(
    hidden: Sequence[int],
    *,
    act: str | None = "relu",
    dropout: float = 0.0,
    input_shape: tuple[int, int, int] = (28, 28, 1),
    num_classes: int = 10,
    name: str = "mlp",
) -> Model:
    """Builds a perceptron that returns logits, (batch, num_classes).

    hidden: sizes of the hidden layers; none makes a linear classifier. act: the name of their
    activation. dropout: rate behind each of them.
    """
    x = image = Input(input_shape, name="image")
    x = dense_head(x, hidden, num_classes, act=act, dropout=dropout)
    return Model(image, x, name=name)

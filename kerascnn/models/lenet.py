"""LeNet-5: LeCun, Bottou, Bengio & Haffner, "Gradient-Based Learning Applied to Document
Recognition", Proceedings of the IEEE 86(11), 1998.

32x32x1 -> C1 28x28x6 -> S2 14x14x6 -> C3 10x10x16 -> S4 5x5x16 -> C5 120 -> F6 84 -> logits.

The modern form: C3 sees all six maps, the subsampling is a plain average without weights, and a
dense layer stands in for the Gaussian connections. The squashing stays a tanh.
"""

from keras import Input, Model, layers

from kerascnn.layers import conv
from kerascnn.models.registry import register, row

# fmt: off
VARIANTS = {
    "lenet5": row(params=61_706, macs=416_520, input_shape=(32, 32, 1), num_classes=10),
}
# fmt: on


@register(VARIANTS, paper="Proc. IEEE 86(11)", year=1998)
def lenet5(*, input_shape=(32, 32, 1), num_classes=10, name="lenet5"):
    """Builds LeNet-5 in its modern form; returns logits, (batch, num_classes)."""
    x = image = Input(input_shape, name="image")
    x = conv(x, 6, 5, padding="valid", act="tanh", name="stage1")
    x = layers.AveragePooling2D(2, name="stage1_pool")(x)
    x = conv(x, 16, 5, padding="valid", act="tanh", name="stage2")
    x = layers.AveragePooling2D(2, name="stage2_pool")(x)
    x = layers.Flatten(name="head_flatten")(x)
    x = layers.Dense(120, activation="tanh", name="head_1_dense")(x)
    x = layers.Dense(84, activation="tanh", name="head_2_dense")(x)
    x = layers.Dense(num_classes, name="head_logits")(x)
    return Model(image, x, name=name)

"""Small networks, their weights away from the defaults, and raw pixels for them."""

import keras
import numpy as np
from keras import layers


def randomized(model, seed=0):
    """Moves every weight away from its default, so that a forgotten one shows. In place."""
    rng = np.random.default_rng(seed)
    for variable in model.variables:
        if variable.name in ("gamma", "moving_variance"):
            variable.assign(rng.uniform(0.5, 1.5, variable.shape))
        elif variable.name in ("beta", "moving_mean", "bias", "alpha"):
            variable.assign(rng.normal(0, 0.2, variable.shape))
    return model


def pixels(model, count=32):
    """Random pixels, 0..255, of the model's input shape, as float32."""
    rng = np.random.default_rng(1)
    return rng.integers(0, 256, (count, *model.input_shape[1:])).astype("float32")


def network(body, shape=(12, 12, 3)):
    """Normalized pixels -> `body`, a function of a tensor -> five logits."""
    image = keras.Input(shape, name="image")
    x = body(layers.Rescaling(1 / 128, -1.0, name="normalize")(image))
    return randomized(keras.Model(image, layers.Dense(5, name="logits")(layers.Flatten()(x))))


def every_rule():
    """A network with whatever int8 needs rewritten, and what it must not round."""

    def body(x):
        x = layers.Normalization(mean=[0.1, 0.2, 0.3], variance=[1.1, 0.9, 1.0], name="channels")(x)
        x = layers.Conv2D(8, 3, padding="same", use_bias=False, name="stem")(x)
        x = layers.BatchNormalization(name="stem_bn")(x)
        x = layers.Activation("silu", name="stem_silu")(x)
        y = layers.SeparableConv2D(8, 3, padding="same", activation="relu", name="separable")(x)
        x = layers.Add(name="sum")([x, y])
        x = layers.BatchNormalization(name="alone")(x)
        x = layers.ReLU(name="alone_relu")(x)
        x = layers.AveragePooling2D(2, name="pool")(x)
        dilated = {"dilation_rate": 2, "padding": "same", "activation": "relu"}
        x = layers.Conv2D(8, 3, **dilated, name="dilated")(x)
        gate = layers.Conv2D(8, 1, name="gate")(layers.GlobalAveragePooling2D(keepdims=True)(x))
        x = x * layers.Activation("hard_sigmoid", name="gated")(gate)
        return layers.Concatenate(name="join")([x, x + 0.5])

    return network(body)

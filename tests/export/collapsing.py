"""A network that int8 ruins, although it computes what a healthy one computes."""

import keras
import numpy as np
from keras import layers

import kerascnn.config as configs
from kerascnn.data import load_data
from kerascnn.files import writable_folder, write_json

CONFIG = {
    "model": {"name": "lenet5"},
    "data": {
        "name": "digits",
        "size": [8, 8],
        "batch_size": 64,
        "validation": 0.15,
        "normalize": {"mean": 128, "std": 128},
    },
    "optimizer": {
        "name": "sgd",
        "momentum": 0.9,
        "weight_decay": 5e-4,
        "schedule": {"name": "cosine", "peak": 0.05},
    },
    "training": {"epochs": 8, "seed": 0},
}
SABOTAGED = "stem_conv"


def depthwise_network(shape=(8, 8, 1)):
    """Convolution, depthwise, pointwise, twice: raw pixels -> ten logits."""

    def conv_bn(x, layer, name):
        x = layers.BatchNormalization(momentum=0.9, name=f"{name}_bn")(layer(x))
        return layers.ReLU(name=f"{name}_relu")(x)

    same = {"padding": "same", "use_bias": False}
    image = keras.Input(shape, name="image")
    x = layers.Rescaling(1 / 128, -1.0, name="normalize")(image)
    x = conv_bn(x, layers.Conv2D(16, 3, **same, name="stem_conv"), "stem")
    x = conv_bn(x, layers.DepthwiseConv2D(3, **same, name="block1_1_conv"), "block1_1")
    x = conv_bn(x, layers.Conv2D(24, 1, **same, name="block1_2_conv"), "block1_2")
    x = conv_bn(x, layers.DepthwiseConv2D(3, 2, **same, name="block2_1_conv"), "block2_1")
    x = conv_bn(x, layers.Conv2D(32, 1, **same, name="block2_2_conv"), "block2_2")
    x = layers.GlobalAveragePooling2D(name="head_pool")(x)
    return keras.Model(image, layers.Dense(10, name="head_logits")(x))


def widen(model, normalization, following, factors):
    """Multiplies channels behind a batch normalization, and divides them in the next kernel."""
    layer = model.get_layer(normalization)
    for weight in (layer.gamma, layer.beta):
        weight.assign(weight.numpy() * factors)
    kernel = model.get_layer(following).kernel
    kernel.assign(kernel.numpy() / factors[:, None])


def collapsing_run(out):
    """A run folder with a trained network whose first channels differ by factors up to 1000."""
    out = writable_folder(out)
    config = configs.parse(configs.Config, CONFIG, "the test's config")
    data = load_data(config.data, seed=0)
    model = depthwise_network(data.shape)
    model.compile(
        keras.optimizers.Adam(5e-3), keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    images = data.pixels(data.train).astype("float32")
    model.fit(images, data.train.labels, epochs=8, batch_size=64, verbose=0)
    widen(model, "stem_bn", "block1_1_conv", 10 ** np.random.default_rng(0).uniform(0, 3, 16))
    model.save(out / "model.keras")
    configs.save(config, out / "config.yaml")
    facts = {"labels": list(data.names), "input_shape": list(data.shape), "resize": "stretch"}
    write_json(out / "run.json", facts)
    return out

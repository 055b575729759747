"""What differs in writing and not in what is computed, on networks of a few layers."""

import keras
import numpy as np
import pytest
from keras import layers

from kerascnn.layers import conv_bn, dense_head
from kerascnn.models.weights.applications import APPLICATIONS
from kerascnn.models.weights.fitting import TORCH, Source, fill


def ours(**options):
    """A convolution, normalization, and a classifier on a map that is not square."""
    image = keras.Input((5, 4, 3), name="image")
    x = conv_bn(image, 6, 3, name="stem", **options)
    return keras.Model(image, dense_head(x, (8,), 4), name="ours")


def theirs(epsilon):
    """The same with a bias, as keras.applications writes it, with weights of its own."""
    network = keras.Sequential(
        [
            keras.Input((5, 4, 3)),
            layers.Conv2D(6, 3, padding="same", name="conv"),
            layers.BatchNormalization(epsilon=epsilon, name="bn"),
            layers.ReLU(),
            layers.Flatten(),
            layers.Dense(8, "relu", name="fc1"),
            layers.Dense(4, name="predictions"),
        ]
    )
    random = np.random.RandomState(0)
    for variable in network.weights:
        low = 0.5 if variable.name in ("gamma", "moving_variance") else -1.0
        variable.assign(random.uniform(low, 1.0, variable.shape))
    return network


def naming(layers):
    names = {
        "stem_conv": "conv",
        "stem_bn": "bn",
        "head_1_dense": "fc1",
        "head_logits": "predictions",
    }
    return {name: names[name] for name in layers}


@pytest.mark.parametrize("use_bias", [False, True])
@pytest.mark.parametrize("epsilon", [1e-5, 1.001e-5, 1e-2])
def test_a_bias_and_an_epsilon_go_where_they_come_to_the_same(use_bias, epsilon):
    source, network = theirs(epsilon), ours(use_bias=use_bias)
    fill(network, [naming], APPLICATIONS["densenet121"].source(source, "theirs"))
    image = np.random.RandomState(1).uniform(-1, 1, (2, 5, 4, 3)).astype("float32")
    # A few sums in float32; the bias alone moves the logits by more than 0.1.
    np.testing.assert_allclose(network(image), source(image), rtol=0, atol=1e-5)


def test_the_epsilon_of_resnet_and_densenet_is_kept_to_the_last_digit():
    source, network = theirs(1.001e-5), ours()
    source.get_layer("bn").moving_variance.assign([1e-7] * 6)  # where 1e-8 is a tenth
    fill(network, [naming], APPLICATIONS["densenet121"].source(source, "theirs"))
    variance = keras.ops.convert_to_numpy(network.get_layer("stem_bn").moving_variance)
    np.testing.assert_allclose(variance + 1e-5, 1e-7 + 1.001e-5, rtol=1e-6)


def test_caffe_kernels_take_rgb():
    source, network = theirs(1e-3), ours()
    fill(network, [naming], APPLICATIONS["vgg16"].source(source, "theirs"))
    image = np.random.RandomState(1).uniform(-1, 1, (2, 5, 4, 3)).astype("float32")
    np.testing.assert_allclose(network(image), source(image[..., ::-1]), rtol=0, atol=1e-5)


@pytest.mark.parametrize("as_convolution", [False, True])
def test_torch_flattens_channel_by_channel(as_convolution):
    """By hand: torch's matrix, and the convolution over the whole map that timm makes of it."""
    random, network = np.random.RandomState(0), ours(use_bias=True)
    tensors = {
        "conv.weight": random.uniform(-1, 1, (6, 3, 3, 3)),
        "conv.bias": np.zeros(6),
        "bn.weight": np.ones(6),
        "bn.bias": np.zeros(6),
        "bn.running_mean": np.zeros(6),
        "bn.running_var": np.ones(6),
        "fc1.weight": random.uniform(-1, 1, (8, 6 * 5 * 4)),
        "fc1.bias": np.zeros(8),
        "predictions.weight": random.uniform(-1, 1, (4, 8)),
        "predictions.bias": np.zeros(4),
    }
    matrix = tensors["fc1.weight"]
    if as_convolution:
        tensors["fc1.weight"] = matrix.reshape(8, 6, 5, 4)
        tensors["predictions.weight"] = tensors["predictions.weight"].reshape(4, 8, 1, 1)
    shapes = {name: array.shape for name, array in tensors.items()}
    fill(network, [naming], Source("file", TORCH, shapes, tensors.__getitem__))
    image = random.uniform(-1, 1, (2, 5, 4, 3)).astype("float32")
    by_layer = keras.Model(
        network.input,
        [network.get_layer(name).output for name in ("stem_relu", "head_1_dense")],
    )
    x, hidden = map(keras.ops.convert_to_numpy, by_layer(image))
    channel_by_channel = x.transpose(0, 3, 1, 2).reshape(2, -1)
    expected = np.maximum(channel_by_channel @ matrix.T, 0)
    np.testing.assert_allclose(hidden, expected, rtol=0, atol=1e-4 * expected.max())

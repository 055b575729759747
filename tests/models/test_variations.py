"""act, initializer, dropout and zero_gamma: one rule for every network."""

import keras
import numpy as np
import pytest

import kerascnn
from kerascnn.analysis import count
from kerascnn.errors import UserError
from kerascnn.models.graph import nodes

# name -> input shape of one network of each way that activations are written in
NETWORKS = {
    "lenet5": (32, 32, 1),
    "lenet5_1998": (32, 32, 1),
    "lenet_300_100": (28, 28, 1),
    "alexnet": (67, 67, 3),
    "googlenet": (64, 64, 3),
    "resnet20": (32, 32, 3),
    "resnet110_stochastic_depth": (32, 32, 3),
    "mobilenet_v2_035": (32, 32, 3),
    "shufflenet_v1_g3_x0_5": (32, 32, 3),
    "densenet40_12": (32, 32, 3),
}
# Seconds each, and written as the shallower ones above are, by the functions of layers.
DEEP = {"googlenet", "resnet110_stochastic_depth", "densenet40_12", "shufflenet_v1_g3_x0_5"}


def small(name, **arguments):
    return kerascnn.build(name, input_shape=NETWORKS[name], num_classes=10, **arguments)


def activations(network):
    """The activation functions of a network, those inside of layers, too, by name."""
    found = set()
    for layer in network.layers:
        if isinstance(layer, keras.layers.ReLU):
            found.add("relu" if layer.max_value is None else "relu6")
        function = getattr(layer, "activation", None)
        if function is not None:
            found.add(function.__name__)
    return found - {"linear"}


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.full if n in DEEP else ()) for n in NETWORKS]
)
def test_act_replaces_every_activation_and_nothing_else(name):
    plain, changed = small(name), small(name, act="elu")
    assert activations(changed) == {"elu"}
    assert count(changed).params == count(plain).params
    assert count(changed).macs == count(plain).macs
    assert not [layer.name for layer in changed.layers if layer.name.endswith(("relu", "tanh"))]
    assert [len(nodes(network)) for network in (plain, changed)] == [len(nodes(plain))] * 2


def test_lenet5_with_relu_computes_with_relu():
    network = small("lenet5", act="relu")
    assert network.get_layer("stage1_relu")
    image = np.random.default_rng(0).normal(size=(2, 32, 32, 1)).astype("float32")
    plain = small("lenet5")
    plain.set_weights(network.get_weights())
    rebuilt = keras.models.clone_model(
        plain,
        call_function=lambda layer, *args, **kwargs: (
            keras.ops.relu(args[0])
            if isinstance(layer, keras.layers.Activation)
            else _with_relu(layer)(*args, **kwargs)
        ),
    )
    rebuilt.set_weights(network.get_weights())
    np.testing.assert_allclose(network(image), rebuilt(image), rtol=1e-4, atol=1e-5)


def _with_relu(layer):
    if isinstance(layer, keras.layers.Dense) and layer.activation is keras.activations.tanh:
        layer.activation = keras.activations.relu
    return layer


def test_gates_stay():
    image = keras.Input((8, 8, 16))
    from kerascnn.layers import squeeze_and_excitation
    from kerascnn.models.variations import vary

    network = keras.Model(image, squeeze_and_excitation(image, 4, name="se"))
    assert activations(vary(network, {"act": "tanh"})) == {"tanh", "sigmoid"}


@pytest.mark.parametrize(
    "name",
    [
        *("lenet5", "lenet5_1998"),
        *(pytest.param(n, marks=pytest.mark.full) for n in ("resnet20", "mobilenet_v2_035")),
    ],
)
@pytest.mark.parametrize(
    ("initializer", "variance"),
    [
        ("zeros", lambda fan_in, fan_out: 0.0),
        ("gaussian", lambda fan_in, fan_out: 0.01**2),
        ("unit_gaussian", lambda fan_in, fan_out: 1.0),
        ("glorot", lambda fan_in, fan_out: 2 / (fan_in + fan_out)),
        ("he", lambda fan_in, fan_out: 2 / fan_in),
    ],
)
def test_kernels_begin_with_the_variance_of_their_initializer(name, initializer, variance):
    keras.utils.set_random_seed(0)
    network, told = small(name, initializer=initializer), 0
    for layer in network.layers:
        for variable in layer.trainable_weights:
            shape = tuple(variable.shape)
            if variable.name != "kernel" or len(shape) < 2 or np.prod(shape) < 500:
                continue
            if isinstance(layer, keras.layers.DepthwiseConv2D) or len(shape) == 3:
                continue  # other fans, below
            window = int(np.prod(shape[:-2]))
            expected = variance(window * shape[-2], window * shape[-1])
            # Of n normal numbers the variance is off by 1.4 / sqrt(n) of itself; four times that.
            assert variable.numpy().var() == pytest.approx(
                expected, rel=5.7 / np.sqrt(np.prod(shape))
            )
            told += 1
    assert told > 1


def test_depthwise_and_partial_kernels_count_the_inputs_of_one_output():
    keras.utils.set_random_seed(0)
    for layer in small("mobilenet_v2_035", initializer="he").layers:
        if isinstance(layer, keras.layers.DepthwiseConv2D) and layer.kernel.shape[2] > 200:
            assert layer.kernel.numpy().var() == pytest.approx(2 / 9, rel=0.2)
    partial = small("lenet5_1998", initializer="he").get_layer("stage2_conv")
    seen = np.array([len(c) for c in partial.table for _ in c])
    scaled = partial.kernel.numpy() * np.sqrt(25 * seen / 2)
    assert scaled.var() == pytest.approx(1, rel=0.2)  # 1,500 numbers


def test_uniform_kernels_average_what_they_see():
    for layer in small("lenet5", initializer="uniform").layers:
        if layer.weights:
            kernel = layer.kernel.numpy()
            np.testing.assert_allclose(kernel, kernel.shape[-1] / kernel.size, rtol=1e-6)


def test_dropout_sets_every_rate():
    rates = {layer.rate for layer in small("alexnet", dropout=0.25).layers if "drop" in layer.name}
    assert rates == {0.25}
    x = np.ones((2, 67, 67, 3), "float32")
    network = small("alexnet", dropout=0.0)
    np.testing.assert_allclose(network(x, training=True), network(x), rtol=1e-5)


def test_zero_gamma_makes_residual_blocks_pass_their_input_on():
    network = small("resnet20", zero_gamma=True)
    zero = [
        layer.name
        for layer in network.layers
        if isinstance(layer, keras.layers.BatchNormalization) and not layer.gamma.numpy().any()
    ]
    assert len(zero) == 9 and all(name.endswith("_2_bn") for name in zero)
    block = network.get_layer("stage1_block2_add")
    image = np.random.default_rng(0).normal(size=(2, 32, 32, 3)).astype("float32")
    before, after = keras.Model(network.input, [block.input[0], block.input[1], block.output])(
        image
    )[1:]
    np.testing.assert_array_equal(before, after)
    assert (
        len(
            [
                1
                for layer in small("resnet110_stochastic_depth", zero_gamma=True).layers
                if isinstance(layer, keras.layers.BatchNormalization)
                and not layer.gamma.numpy().any()
            ]
        )
        == 54
    )


@pytest.mark.parametrize(
    ("name", "arguments", "told"),
    [
        ("lenet5", {"dropout": 0.5}, "lenet5: has no dropout whose rate could be 0.5"),
        ("lenet5", {"zero_gamma": True}, "lenet5: has no residual branch that ends in a batch"),
        ("lenet5", {"act": "rleu"}, "unknown value of act 'rleu'; did you mean 'relu'"),
        ("lenet5", {"initializer": "hee"}, "unknown value of initializer 'hee'; did you mean 'he'"),
        ("alexnet", {"dropout": 1}, "expected a rate from 0 to below 1, got 1"),
        ("lenet5", {"activation": "relu"}, "unknown argument of lenet5 'activation'"),
    ],
)
def test_what_a_network_has_none_of_is_told(name, arguments, told):
    with pytest.raises(UserError, match=told):
        small(name, **arguments)


def test_initial_values_are_not_for_a_network_with_weights():
    with pytest.raises(
        UserError,
        match=r"^resnet50: (initial values|no weights)",
    ):
        kerascnn.build("resnet50", weights="imagenet", initializer="he")


def test_a_network_without_activations_says_so():
    with pytest.raises(UserError, match="has no activation that 'act' could replace"):
        kerascnn.models.variations.vary(
            keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)]), {"act": "relu"}
        )


def test_a_config_names_them(kerascnn, tmp_path):
    out = tmp_path / "run"
    code, said, err = kerascnn(
        "train",
        "configs/digits/lenet5.yaml",
        "--out",
        out,
        "training.epochs=1",
        "model.arguments={act: relu, initializer: he}",
    )
    assert code == 0, said + err
    names = [layer.name for layer in keras.models.load_model(out / "model.keras").layers]
    assert "stage1_relu" in names

"""Weight sharing: few values a kernel, trained as the values they are."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from export.constraints.kernels import prunable_kernels
from export.delivery.compress import compress
from export.pruning.magnitude import largest
from export.quantization.quantizer import calibrate, quantized_model
from export.recipes.recipe import Recipe
from export.sharing.clustering import cluster, k_means, share, share_values
from kerascnn.config import Config, parse
from kerascnn.errors import UserError
from kerascnn.files import read_json
from kerascnn.training import train


def array(variable):
    return ops.convert_to_numpy(variable).copy()


def test_k_means_finds_what_is_apart():
    rng = np.random.default_rng(0)
    centers = np.array([-3.0, -0.5, 0.25, 2.0])
    weights = np.concatenate([c + rng.uniform(-0.1, 0.1, 100) for c in centers])
    found = k_means(rng.permutation(weights), 4)
    np.testing.assert_allclose(found, weights.reshape(4, 100).mean(1), rtol=1e-6)


def test_k_means_starts_from_values_spread_evenly():
    """By hand: from 0, 5 and 10, the 4 goes to 5; then 0.5, (4 + 6) / 2, 10 stay."""
    found = k_means(np.array([0.0, 1.0, 4.0, 6.0, 10.0]), 3)
    assert found.tolist() == [0.5, 5.0, 10.0]


def test_each_weight_takes_its_nearest_value():
    weights = np.random.default_rng(0).normal(size=(3, 3, 8, 16)).astype("float32")
    values, codes = share(weights, 16)
    assert len(values) <= 16 and codes.shape == weights.shape
    distance = np.abs(weights[..., None] - values)
    np.testing.assert_array_equal(codes, distance.argmin(-1))
    mean = [weights[codes == i].mean() for i in range(len(values))]
    np.testing.assert_allclose(values, mean, rtol=1e-4, atol=1e-6)


def test_zeros_of_a_pruned_kernel_stay_and_no_other_weight_joins_them():
    weights = np.random.default_rng(0).normal(size=(50, 40)).astype("float32")
    weights *= largest(np.abs(weights), 0.3)
    values, codes = share(weights, 8)
    assert len(values) <= 8
    np.testing.assert_array_equal(values[codes] == 0, weights == 0)


def test_a_shared_value_moves_by_the_sum_of_its_gradients():
    """Two steps of SGD with momentum, against the same two done by hand on the shared values."""
    rng = np.random.default_rng(0)
    model = keras.Sequential([keras.Input((6,)), layers.Dense(5, use_bias=False)])
    kernel = model.layers[0].kernel
    start = rng.normal(size=(6, 5)).astype("float32")
    kernel.assign(start * largest(np.abs(start), 0.7))
    model = cluster(model, 4, summed=True)
    kernel = model.layers[-1].kernel
    values, codes = np.unique(array(kernel), return_inverse=True)
    codes = codes.reshape(6, 5)
    x, y = rng.normal(size=(8, 6)), rng.normal(size=(8, 5))
    rate, momentum, velocity = 0.01, 0.9, np.zeros(len(values))
    model.compile(keras.optimizers.SGD(rate, momentum), "mse")
    for _ in range(2):
        error = x @ values[codes] - y
        gradient = 2 * x.T @ error / error.size
        summed = np.bincount(codes.reshape(-1), gradient.reshape(-1)) * (values != 0)
        velocity = momentum * velocity - rate * summed
        values = values + velocity
        model.train_on_batch(x.astype("float32"), y.astype("float32"))
        np.testing.assert_allclose(array(kernel), values[codes], atol=1e-6)
    assert (values == 0).any()


def test_depthwise_kernels_and_excluded_layers_stay():
    image = keras.Input((8, 8, 3))
    x = layers.Conv2D(8, 3, name="stem")(image)
    x = layers.DepthwiseConv2D(3, name="depthwise")(x)
    model = keras.Model(image, layers.Conv2D(8, 1, name="head")(x))
    before = {x.name: array(x.weights[0]) for x in model.layers[1:]}
    model = cluster(model, 4, exclude=("he*",))
    assert len(np.unique(array(model.get_layer("stem").kernel))) == 4
    for name in ("depthwise", "head"):
        np.testing.assert_array_equal(array(model.get_layer(name).weights[0]), before[name])


def test_a_clustered_model_stays_so_in_int8_training():
    image = keras.Input((8, 8, 3))
    x = layers.Conv2D(8, 3, name="conv")(image)
    model = keras.Model(image, layers.Dense(4, name="logits")(layers.Flatten()(x)))
    model = cluster(model, 8)
    simulated = quantized_model(model)
    images = np.random.default_rng(0).uniform(0, 255, (16, 8, 8, 3)).astype("float32")
    calibrate(simulated, [images])
    share_values(simulated, 8)
    np.testing.assert_array_equal(
        array(simulated.get_layer("conv")._kernel), array(model.get_layer("conv").kernel)
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    simulated.compile(keras.optimizers.SGD(1e-5), loss)
    simulated.fit(images, np.arange(16) % 4, epochs=2, verbose=0)
    trained = array(simulated.get_layer("conv")._kernel)
    assert len(np.unique(trained)) == 8
    assert (trained != array(model.get_layer("conv").kernel)).all()


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    config = {
        "model": {"name": "resnet8"},
        "data": {"name": "digits", "size": [8, 8], "channels": 1, "batch_size": 64},
        "optimizer": {"momentum": 0.9, "schedule": {"name": "cosine", "peak": 0.05}},
        "training": {"epochs": 2},
    }
    return train(parse(Config, config, "test"), tmp_path_factory.mktemp("runs") / "digits")


def test_a_recipe_slims_narrows_prunes_and_clusters(run):
    recipe = parse(
        Recipe,
        {
            "name": "all",
            "channels": {
                "criterion": "gamma",
                "macs": 0.7,
                "slimming": {"epochs": 1, "peak": 0.01, "strength": 1e-3},
                "fine_tune": {"epochs": 1, "peak": 0.01},
            },
            "pruning": {"sparsity": 0.5, "fine_tune": {"epochs": 1, "peak": 0.01}},
            "clustering": {
                "bits": 3,
                "dense": 2,
                "layers": {"stem*": 4, "s*": 3},
                "fine_tune": {"epochs": 1, "peak": 1e-4},
            },
        },
        "test",
    )
    model = compress(run, recipe)
    report = read_json(run.path / "all" / "channels.json")
    assert report["macs_after"] <= 0.7 * report["macs_before"]
    for row in report["layers"]:
        layer = model.get_layer(row["name"])
        assert row["after"] == getattr(layer, "filters", None) or layer.units
        assert row["after"] <= row["before"]
    kernels = {name: array(k) for name, k in prunable_kernels(model).items()}
    for name, kernel in kernels.items():
        allowed = 4 if name == "head_logits" else 16 if name.startswith("stem") else 8
        assert allowed / 2 < len(np.unique(kernel)) <= allowed
        assert (kernel == 0).mean() == pytest.approx(0.5, abs=1 / kernel.size)
    assert not model.losses


def test_a_recipe_says_what_does_not_fit():
    fine_tune = {"epochs": 1, "peak": 0.1}

    def recipe(**sections):
        return parse(Recipe, {"name": "test", **sections}, "test.yaml")

    with pytest.raises(UserError, match="either 'clusters' or 'bits'"):
        recipe(clustering={"fine_tune": fine_tune})
    with pytest.raises(UserError, match=r"clustering.bits: .*8, got 9"):
        recipe(clustering={"bits": 9, "fine_tune": fine_tune})
    with pytest.raises(UserError, match="logits: write 1 to 8 bits"):
        recipe(clustering={"bits": 6, "layers": {"logits": 16}, "fine_tune": fine_tune})
    with pytest.raises(UserError, match="dense: write 2 to 256 clusters"):
        recipe(clustering={"clusters": 6, "dense": 1, "fine_tune": fine_tune})
    with pytest.raises(UserError, match="'dense' and 'layers' need 'engine: native'"):
        recipe(clustering={"bits": 6, "dense": 5, "engine": "tfmot", "fine_tune": fine_tune})
    with pytest.raises(UserError, match="'container' needs the section 'clustering'"):
        recipe(container=True)
    with pytest.raises(UserError, match=r"channels.macs: .* got 1.5"):
        recipe(channels={"macs": 1.5, "fine_tune": fine_tune})
    with pytest.raises(UserError, match=r"did you mean 'channels.criterion'"):
        recipe(channels={"macs": 0.5, "criterium": "l1", "fine_tune": fine_tune})
    with pytest.raises(UserError, match=r"channels.criterion: .*'taylor'"):
        recipe(channels={"macs": 0.5, "criterion": "l3", "fine_tune": fine_tune})
    assert recipe(clustering={"bits": 6, "fine_tune": fine_tune}).clustering.values("x") == 64
    assert recipe(clustering={"clusters": 6, "fine_tune": fine_tune}).compresses


def test_sums_are_refused_on_jax(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(UserError, match="expected Keras on TensorFlow or torch, got jax"):
        cluster(keras.Sequential([keras.Input((2,)), layers.Dense(2)]), 4, summed=True)

"""What holds for a network that runs, shown on a small one of each family."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from miniatures import SMALL, make
from on_this_backend import run

from kerascnn.models import models, variant

FEW = {  # of each kind of block and connection one of few layers; the others are marked full
    *("mlp_512_512", "lenet5", "lenet5_1998", "nin_cifar10", "inception_module", "resnet20"),
    *("resnet164_v2", "resnet110_stochastic_depth", "wide_resnet28_10_dropout", "anynet_y"),
    *("densenet_bc100_12", "mobilenet_v2", "resnet8", "time_series_fcn", "unet", "segnet_basic"),
    "c3d",
}
small_networks = pytest.mark.parametrize(
    "name", [name if name in FEW else pytest.param(name, marks=pytest.mark.full) for name in SMALL]
)


def images(model):
    shape = (4, *model.input.shape[1:])
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def test_every_builder_has_a_small_network():
    assert {variant(n).builder for n in SMALL} == {variant(n).builder for n in models()}


@small_networks
def test_a_gradient_reaches_every_weight_and_files_keep_the_network(name, tmp_path):
    import tensorflow as tf

    model = make(name)
    x = images(model)
    with tf.GradientTape() as tape:
        outputs = keras.tree.flatten(model(x))
        loss = sum(tf.reduce_sum(y * np.arange(1, y.shape[-1] + 1)) for y in outputs)
    gradients = tape.gradient(loss, [w.value for w in model.trainable_variables])
    for weight, gradient in zip(model.trainable_variables, gradients, strict=True):
        assert gradient is not None, weight.path
        assert np.any(gradient.numpy()), weight.path

    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for y, again in zip(outputs, keras.tree.flatten(loaded(x)), strict=True):
        np.testing.assert_array_equal(y, again)


QUICK = ["lenet5_1998", "ds_cnn"]
other_backends = pytest.mark.parametrize("backend", ["jax", "torch"])


def check_elsewhere(names, backend, folder):
    """Saves networks on TensorFlow, runs them in one process on `backend`, and compares."""
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    expected = {}
    for name in names:
        model = make(name)
        model.save(folder / f"{name}.keras")
        np.save(folder / f"{name}.npy", images(model))
        expected[name] = run(model, images(model))
    root = Path(__file__).parents[2]
    environment = {
        **os.environ,
        "KERAS_BACKEND": backend,
        "PYTHONPATH": str(root),
        "JAX_PLATFORMS": "cpu",
        # Each network runs once: most of the time would go into making that once fast.
        "XLA_FLAGS": "--xla_backend_optimization_level=0",
    }
    script = Path(__file__).with_name("on_this_backend.py")
    subprocess.run([sys.executable, script, folder], check=True, cwd=root, env=environment)
    for name, (outputs, norms) in expected.items():
        there = np.load(folder / f"{name}.npz")
        assert np.all(there["norms"] > 0), name  # a gradient reaches every weight there too
        # float32, summed in another order through tens of layers: 1e-4 of the largest logit; and
        # of a gradient 1e-2, for where two numbers are nearly equal another one may be the maximum.
        np.testing.assert_allclose(there["norms"], norms, rtol=1e-2, err_msg=name)
        for i, y in enumerate(outputs):
            np.testing.assert_allclose(
                there[f"arr_{i}"], y, rtol=0, atol=1e-4 * np.abs(y).max(), err_msg=name
            )


@other_backends
def test_networks_saved_on_tensorflow_do_the_same_elsewhere(backend, tmp_path):
    check_elsewhere(QUICK, backend, tmp_path)


@pytest.mark.full
@other_backends
def test_every_other_network_does_the_same_elsewhere(backend, tmp_path):
    check_elsewhere(SMALL.keys() - {*QUICK}, backend, tmp_path)

"""What holds for a network that runs, shown on a small one of each family."""

import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from miniatures import SMALL, make

from kerascnn.models import models, variant

small_networks = pytest.mark.parametrize("name", SMALL)


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
        loss = sum(tf.reduce_sum(y * np.arange(1, y.shape[1] + 1)) for y in outputs)
    gradients = tape.gradient(loss, [w.value for w in model.trainable_variables])
    for weight, gradient in zip(model.trainable_variables, gradients, strict=True):
        assert gradient is not None, weight.path
        assert np.any(gradient.numpy()), weight.path

    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for y, again in zip(outputs, keras.tree.flatten(loaded(x)), strict=True):
        np.testing.assert_array_equal(y, again)


ON_JAX = ["lenet5_1998", "resnet110_stochastic_depth"]
LOAD_ON_JAX = """
import sys, keras, numpy as np, kerascnn.layers
assert keras.backend.backend() == "jax"
for path in sys.argv[1:]:
    model = keras.saving.load_model(path)
    np.save(path + ".npy", model.predict(np.load(path + ".x.npy"), verbose=0))
"""


def test_a_network_saved_on_tensorflow_gives_the_same_on_jax(tmp_path):
    pytest.importorskip("jax")
    expected = {}
    for name in ON_JAX:
        model = make(name)
        x = images(model)
        path = str(tmp_path / f"{name}.keras")
        model.save(path)
        np.save(path + ".x.npy", x)
        expected[path] = np.asarray(model(x))
    environment = {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    root = str(Path(__file__).parents[2])
    command = [sys.executable, "-c", LOAD_ON_JAX, *expected]
    subprocess.run(command, check=True, cwd=root, env=environment)
    for path, y in expected.items():
        # float32, summed in another order: 1e-4 of the largest logit, through ten layers.
        np.testing.assert_allclose(np.load(path + ".npy"), y, atol=1e-4 * np.abs(y).max())

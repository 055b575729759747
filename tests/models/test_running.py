"""What holds for a network that runs, shown on a small one of each family."""

import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from kerascnn.models import models, variant

# fmt: off
SMALL = {  # name -> side of the image, what its row has otherwise
    "mlp_512_512": (8, {}),
    "lenet5": (16, {}),
    "lenet5_1998": (32, {}),
    "lenet_caffe": (16, {}),
    "alexnet": (67, {}),
    "alexnet_one_tower": (63, {}),
    "zfnet": (63, {}),
    "nin_cifar10": (8, {}),
    "nin_imagenet": (55, {}),
    "vgg11_lrn": (32, {}),
    "googlenet_bn_aux": (79, {}),
    "inception_module": (5, {}),
    "bn_inception_separable": (32, {}),
    "inception_v3": (75, {}),
    "squeezenet1_0_bypass": (61, {}),
    "resnet18": (32, {"depth": (1, 1, 1, 1)}),
    "resnet20": (8, {"depth": 1}),
    "resnet164_v2": (8, {"depth": 1}),
    "resnet50_v2": (32, {"depth": (1, 1, 1, 1)}),
    "resnet50_v2_keras": (32, {"depth": (2, 2, 2, 2)}),
    "resnet110_stochastic_depth": (8, {"depth": 1}),
    "wide_resnet28_10_dropout": (8, {"depth": 1, "widen": 1}),
    "wide_resnet50_2": (32, {"depth": (1, 1, 1, 1)}),
    "resnext50_32x4d": (32, {"depth": (1, 1, 1, 1)}),
    "resnext29_8x64d": (8, {"cardinality": 2, "width": 32}),
    "densenet121": (64, {"depth": (2, 1, 1, 1)}),
    "densenet_bc100_12": (16, {"depth": 2}),
    "fractalnet40_narrow": (32, {"columns": 2}),
    "mobilenet_v1": (32, {"alpha": 0.25}),
    "mobilenet_v2": (32, {"alpha": 0.35}),
    "shufflenet_v1_g3_x0_5": (32, {}),
    "shufflenet_v2_x0_5": (32, {}),
    "xception": (71, {}),
    "resnet8": (8, {}),
    "ds_cnn": (10, {}),
}
# fmt: on
small_networks = pytest.mark.parametrize("name", SMALL)


def make(name):
    side, arguments = SMALL[name]
    found = variant(name)
    arguments = {**found.row.arguments, **arguments}
    shape = (side, side, found.row.input_shape[2])
    # A module has no classifier whose classes could be chosen.
    classes = {} if name == "inception_module" else {"num_classes": 3}
    keras.utils.set_random_seed(0)
    return found.builder(**arguments, **classes, input_shape=shape, name=name)


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

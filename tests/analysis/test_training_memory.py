"""Memory of training, how many images fit, and the figures that are usually told wrong."""

import csv
import io
import json
import os
import subprocess
import sys

import keras
import pytest
from keras import Input, Model, layers

from kerascnn import UserError
from kerascnn.analysis import describe, training_table
from kerascnn.models import build, variant

NUMBER = 4  # bytes


def training(image, outputs):
    return describe(Model(image, outputs)).training


def test_a_chain_keeps_what_its_backward_pass_needs():
    """Dense layers need their inputs, a ReLU its output, the loss keeps what it has."""
    image = Input((100,))
    x = layers.Dense(60)(image)
    x = layers.ReLU()(x)
    found = training(image, layers.Dense(10)(x))
    assert found.forward == NUMBER * (100 + 60)
    assert found.backward == NUMBER * (60 + 60)  # of both ends of the ReLU, at its turn
    assert found.weights == found.gradients == NUMBER * (101 * 60 + 61 * 10)


def test_inner_activations_and_views_are_kept_once():
    image = Input((4, 4, 3))
    x = layers.Conv2D(5, 3, padding="same", activation="relu")(image)
    x = layers.Flatten()(x)
    found = training(image, layers.Dense(7, activation="tanh")(x))
    assert found.forward == NUMBER * (48 + 80 + 7)


def test_a_normalization_keeps_its_input_and_statistics_have_no_gradient():
    image = Input((4, 4, 3))
    x = layers.BatchNormalization()(layers.Conv2D(5, 1)(image))
    found = training(image, layers.GlobalAveragePooling2D()(layers.ReLU()(x)))
    assert found.forward == NUMBER * (48 + 80 + 80)
    assert (found.weights, found.gradients) == (NUMBER * (20 + 20), NUMBER * (20 + 10))


def test_gradients_of_both_branches_live_until_they_meet():
    image = Input((10,))
    x = layers.Dense(20)(image)
    y = layers.Dense(20)(layers.Dense(30)(x))
    found = training(image, layers.Add()([x, y]))
    # At the turn of the inner layers: the shortcut's, the branch's, and what is made of it.
    assert found.backward == NUMBER * (20 + 30 + 20)


@pytest.mark.parametrize(("name", "states"), [("sgd", 0), ("momentum", 1), ("adam", 2)])
def test_a_batch_is_what_grows_and_what_does_not(name, states):
    found = describe("resnet20").training
    fixed = found.weights + found.gradients + states * NUMBER * found.parameters
    assert found.total(8, name) == fixed + 8 * (found.forward + found.backward)
    for memory in (10**7, 10**8, 10**9):
        fits = found.images(memory, name)
        assert found.total(fits + 1, name) > memory
        assert not fits or found.total(fits, name) <= memory
    with pytest.raises(UserError, match="unknown optimizer 'adm'; did you mean 'adam'"):
        found.optimizer("adm")


def test_the_optimizers_really_keep_so_many_numbers():
    model = build("lenet5")
    for name, made in {
        "sgd": keras.optimizers.SGD(),
        "momentum": keras.optimizers.SGD(momentum=0.9),
        "adam": keras.optimizers.Adam(),
    }.items():
        made.build(model.trainable_variables)
        numbers = sum(v.shape.num_elements() for v in made.variables if v.shape.rank)
        assert describe("lenet5").training.optimizer(name) == NUMBER * numbers


ON_XLA = """
import jax, jax.numpy as jnp
from kerascnn.analysis import describe
from kerascnn.models import build
model = build("resnet8")
trainable = [v.value for v in model.trainable_variables]
others = [v.value for v in model.non_trainable_variables]

def loss(trainable, others, x, y):
    logits, _ = model.stateless_call(trainable, others, x, training=True)
    return -jnp.mean(jax.nn.log_softmax(logits)[jnp.arange(len(y)), y])

def needed(batch):
    images, labels = jnp.zeros((batch, 32, 32, 3)), jnp.zeros((batch,), int)
    step = jax.jit(jax.value_and_grad(loss)).lower(trainable, others, images, labels)
    return step.compile().memory_analysis().temp_size_in_bytes

found = describe("resnet8").training
print((found.forward + found.backward) * 32 / (needed(64) - needed(32)))
"""


@pytest.mark.full
def test_it_is_what_a_compiler_sets_aside():
    """XLA's own count for the images of a larger batch; it fuses some layers, and computes others
    anew, so that a fifth more or less is no other answer."""
    variables = {**os.environ, "KERAS_BACKEND": "jax"}
    command = (sys.executable, "-c", ON_XLA)
    done = subprocess.run(command, capture_output=True, text=True, env=variables)
    assert done.returncode == 0, done.stderr[-2000:]
    assert float(done.stdout) == pytest.approx(1, abs=0.25)


def test_the_table_has_a_line_an_optimizer_and_says_what_fits():
    found = describe("resnet20")
    printed = str(training_table(found, batch=64, memory=10**9))
    assert "batch of 64" in printed and "images in 1.00 GB" in printed
    for name in ("sgd", "momentum", "adam"):
        line = next(line for line in printed.splitlines() if f" {name} " in line)
        assert f"{found.training.images(10**9, name):,}" in line
    assert "inference" in printed


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("vgg16", ["24 M numbers, 96 MB", "15.2 M numbers (61.0 MB)", "28.8 M (115.2 MB)"]),
        ("inception_module", ["358 M multiplications", "they are 271 M, 3.15 times", "not 2.39"]),
        ("googlenet", ["12 times fewer", "They are 8.7 times fewer, 10.2 without"]),
        ("squeezenet1_0", ["50 times fewer", "48.8 times fewer, 5.0 MB"]),
    ],
)
def test_what_is_told_wrong_is_put_right(kerascnn, name, words):
    code, out, _ = kerascnn("describe", name)
    assert code == 0
    assert all(word in out for word in words), out[-1000:]


def test_of_other_networks_nothing_is_told():
    assert describe("resnet18").told_wrong == ()
    assert describe("googlenet", input_shape=(256, 256, 3)).told_wrong == ()
    assert describe(build("googlenet")).told_wrong == ()


def test_describe_takes_a_run_another_size_and_an_amount_of_memory(kerascnn, finished_run):
    code, out, _ = kerascnn("describe", finished_run, "--memory", "1GiB")
    assert code == 0 and "by kind" in out and "images in 1.07 GB" in out
    code, out, _ = kerascnn("describe", "resnet18", "--size", "320x256", "--json")
    assert code == 0 and json.loads(out)["layers"][0]["output_shape"] == [320, 256, 3]
    assert json.loads(out)["params"] == variant("resnet18").row.params
    for amount in ("8 apples", "0", "ib"):
        code, _, err = kerascnn("describe", "resnet18", "--memory", amount)
        assert code == 2 and "expected an amount, as 8GB" in err
    code, _, err = kerascnn("describe", finished_run / "model_int8.tflite", "--memory", "1GB")
    assert code == 2 and "are for Keras models" in err


def test_describe_prints_csv(kerascnn, finished_run):
    code, out, _ = kerascnn("describe", "lenet5", "--csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert code == 0 and sum(int(row["params"]) for row in rows) == 61706
    code, out, _ = kerascnn("describe", finished_run / "model_int8.tflite", "--csv")
    assert code == 0 and "CONV_2D" in [row["name"] for row in csv.DictReader(io.StringIO(out))]


def test_networks_of_other_layers_have_their_memory_too():
    for name in ("fractalnet20", "shufflenet_v2_x0_5", "googlenet_aux", "ds_cnn"):
        found = describe(name)
        kept, gradients = found.training.forward, found.training.backward
        assert 0 < gradients < kept < 2 * sum(row.memory for row in found.layers)

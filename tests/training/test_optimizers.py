"""Learning rates, optimizers and weight decay, against the formulas of their papers."""

import json

import keras
import numpy as np
import pytest
import yaml

import kerascnn.config as configs
from kerascnn.config import (
    ConstantSchedule,
    CosineSchedule,
    ExponentialSchedule,
    OneCycleSchedule,
    PlateauSchedule,
    PolynomialSchedule,
    SGDConfig,
    StepsSchedule,
)
from kerascnn.errors import UserError
from kerascnn.training import train
from kerascnn.training.history import plateau_rate
from kerascnn.training.optimizers import KINDS, learning_rate, make_optimizer

COMMON = {"adam", "adamw", "ftrl", "muon", "sgd"}
MLP = ["model={name: mlp_128}", "data.size=null", "data.train=[]", "data.validation=0.5"]


def rates(schedule, steps, epochs):
    rate = learning_rate(schedule, steps_per_epoch=steps, epochs=epochs)
    return [float(rate(step)) for step in range(steps * epochs)]


def test_cosine_falls_from_the_peak_to_its_end_after_a_linear_warm_up():
    found = rates(CosineSchedule(peak=0.4, warmup=1), steps=10, epochs=5)
    rise = [0.4 * (i + 1) / 10 for i in range(10)]
    fall = [0.4 * 0.5 * (1 + np.cos(np.pi * i / 40)) for i in range(40)]
    np.testing.assert_allclose(found, rise + fall, atol=1e-7)  # float32 of 0.4
    found = rates(CosineSchedule(peak=0.4, end=0.1), steps=10, epochs=5)
    fall = [0.1 + 0.3 * 0.5 * (1 + np.cos(np.pi * i / 50)) for i in range(50)]
    np.testing.assert_allclose(found, fall, atol=1e-7)


def test_constant_stays_at_its_peak_after_the_warm_up():
    found = rates(ConstantSchedule(peak=0.3, warmup=1), steps=2, epochs=3)
    np.testing.assert_allclose(found, [0.15, 0.3, 0.3, 0.3, 0.3, 0.3], rtol=1e-6)


def test_steps_drop_at_their_epochs():
    found = rates(StepsSchedule(peak=1.0, epochs=(2, 3)), steps=4, epochs=5)
    assert found[8] == 1.0  # Keras' boundary itself still has the old rate
    np.testing.assert_allclose([found[0], found[9], found[13]], [1.0, 0.1, 0.01], rtol=1e-6)


@pytest.mark.parametrize("staircase", [True, False])
def test_exponential_is_that_of_inception(staircase):
    schedule = ExponentialSchedule(peak=0.045, staircase=staircase)  # 0.94 every two epochs
    found = rates(schedule, steps=3, epochs=5)
    share = np.arange(15) / 6
    expected = 0.045 * 0.94 ** (np.floor(share) if staircase else share)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_polynomial_falls_by_its_power():
    found = rates(PolynomialSchedule(peak=0.5, power=2, end=0.1), steps=5, epochs=2)
    expected = 0.1 + 0.4 * (1 - np.arange(10) / 10) ** 2
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_one_cycle_rises_and_falls_once():
    found = rates(OneCycleSchedule(peak=1.0, rise=0.25, start=0.1, end=0.01), steps=10, epochs=4)
    assert found[0] == pytest.approx(0.1)
    assert found[10] == pytest.approx(1.0) == max(found)
    assert found[5] == pytest.approx(0.55)  # halfway up
    assert found[25] == pytest.approx((1.0 + 0.01) / 2)
    assert found[-1] < 0.02
    assert all(np.diff(found[:11]) > 0) and all(np.diff(found[10:]) < 0)


def test_a_training_that_ends_within_its_warm_up_ends_there():
    found = rates(CosineSchedule(peak=1, warmup=5), steps=2, epochs=5)
    np.testing.assert_allclose(found, np.arange(1, 11) / 10, rtol=1e-6)
    found = rates(StepsSchedule(peak=1, warmup=2, epochs=(3,)), steps=2, epochs=1)
    np.testing.assert_allclose(found, [0.25, 0.5], rtol=1e-6)
    with pytest.raises(UserError, match=r"first drop, epoch 1\.0, is within the warm-up"):
        rates(StepsSchedule(peak=1, warmup=2, epochs=(1,)), steps=2, epochs=3)


def test_an_epoch_of_a_config_that_warms_up_for_one_trains(kerascnn, tmp_path):
    config = "configs/digits/lenet5.yaml"
    assert configs.load(config).optimizer.schedule.warmup == 1
    code, out, err = kerascnn("train", config, "--out", tmp_path / "run", "training.epochs=1", *MLP)
    assert code == 0, out + err


def test_plateau_waits_then_drops():
    schedule = PlateauSchedule(peak=1.0, patience=2, factor=0.5)
    losses = [1.0, 0.9, 0.95, 0.96, 0.97, 0.98]
    found = [plateau_rate(schedule, losses[:n]) for n in range(len(losses) + 1)]
    assert found == [1.0, 1.0, 1.0, 1.0, 0.5, 0.5, 0.25]


def made(config):
    layer = keras.layers.Dense(1)
    layer.build((None, 1))
    layer.kernel.assign([[2.0]])
    layer.bias.assign([3.0])
    optimizer = make_optimizer(config, layer.trainable_variables, steps_per_epoch=1, epochs=2)
    optimizer.build(layer.trainable_variables)
    return layer, optimizer


def step(config, gradient=1.0):
    layer, optimizer = made(config)
    gradients = [keras.ops.ones_like(v) * gradient for v in layer.trainable_variables]
    optimizer.apply(gradients, layer.trainable_variables)
    return [float(np.squeeze(v.numpy())) for v in layer.trainable_variables]


HALF = {"name": "constant", "peak": 0.5}


def parsed(**section):
    tree = {"model": {"name": "lenet5"}, "data": {"name": "digits"}, "training": {"epochs": 1}}
    return configs.parse(configs.Config, {**tree, "optimizer": section}, "config.yaml").optimizer


def test_l2_is_added_to_the_gradient_of_kernels_only():
    kernel, bias = step(parsed(momentum=0.0, weight_decay=0.1, schedule=HALF))
    assert kernel == pytest.approx(2.0 - 0.5 * (1.0 + 0.1 * 2.0))
    assert bias == pytest.approx(3.0 - 0.5)


def test_decoupled_decay_shrinks_kernels_only():
    kernel, bias = step(parsed(momentum=0.0, weight_decay=0.1, decoupled=True, schedule=HALF))
    assert kernel == pytest.approx(2.0 - 0.5 * 0.1 * 2.0 - 0.5)
    assert bias == pytest.approx(3.0 - 0.5)


def test_rmsprop_is_inceptions():
    """TensorFlow's of 2015: epsilon 1 under the root, momentum 0.9 on the increments."""
    kernel, _ = step(parsed(name="rmsprop", schedule=HALF))
    assert kernel == pytest.approx(2.0 - 0.5 / np.sqrt(0.1 + 1.0))


@pytest.mark.parametrize("name", sorted(KINDS.keys() - {"ftrl"}))  # its weights begin at zero
def test_every_optimizer_decays_kernels_and_leaves_biases(name):
    """With a gradient of zero only the decay moves anything."""
    schedule = {"name": "constant", "peak": 0.01}
    for decoupled in (True,) if name == "adamw" else (True, False):
        asked = parsed(name=name, weight_decay=0.1, decoupled=decoupled, schedule=schedule)
        layer, optimizer = made(asked)
        for _ in range(3):
            zeros = [keras.ops.zeros_like(v) for v in layer.trainable_variables]
            optimizer.apply(zeros, layer.trainable_variables)
        kernel, bias = (float(np.squeeze(v.numpy())) for v in layer.trainable_variables)
        if decoupled:
            assert kernel == pytest.approx(2.0 * (1 - 0.01 * 0.1) ** 3, rel=1e-5)
        else:
            assert kernel < 2.0
        assert bias == 3.0


@pytest.mark.parametrize(
    "name", [n if n in COMMON else pytest.param(n, marks=pytest.mark.full) for n in sorted(KINDS)]
)
def test_every_optimizer_trains_by_its_name(tmp_path, name):
    network = [*MLP, "model.arguments={hidden: []}"] if name == "ftrl" else MLP
    peaks = {
        "adadelta": 1.0,
        "adagrad": 0.03,
        "sgd": 0.05,
        "rmsprop": 0.01,
        "ftrl": 0.1,
        "adafactor": 0.02,
    }
    section = {"name": name, "schedule": {"name": "one_cycle", "peak": peaks.get(name, 0.003)}}
    asked = configs.load(
        "configs/digits/lenet5.yaml",
        [*network, "training.epochs=4", f"optimizer={json.dumps(section)}"],
    )
    run = train(asked, tmp_path / "run")
    assert run.history[-1]["val_accuracy"] > 0.6
    assert run.config == asked  # every argument of Keras' is spelled in config.yaml
    told = yaml.safe_load((run.path / "config.yaml").read_text())["optimizer"]
    keras_own = KINDS[name]().get_config().keys() - {"name", "learning_rate", "weight_decay"}
    elsewhere = {"use_ema", "ema_momentum", "ema_overwrite_frequency", "loss_scale_factor"}
    silent = keras_own - elsewhere - {"gradient_accumulation_steps"} - told.keys()
    muons = {"muon_a", "muon_b", "muon_c", "exclude_layers", "exclude_embeddings"}
    assert silent <= muons | {"adam_weight_decay"}  # of Newton's iteration, or told otherwise


@pytest.mark.parametrize(
    ("clip", "moved"),
    [
        ({"clipvalue": 0.5}, (0.5, 0.5)),
        ({"clipnorm": 0.25}, (0.25, 0.25)),
        ({"global_clipnorm": 1.0}, (1 / np.sqrt(2), 1 / np.sqrt(2))),
    ],
)
def test_gradients_are_clipped(clip, moved):
    kernel, bias = step(parsed(momentum=0.0, schedule=HALF | {"peak": 1.0}, **clip), gradient=3.0)
    assert (2 - kernel, 3 - bias) == pytest.approx(moved)


@pytest.mark.parametrize(
    ("section", "told"),
    [
        ({"name": "sdg"}, "unknown optimizer.name 'sdg'; did you mean 'sgd'"),
        ({"momentun": 0.9}, "unknown key 'optimizer.momentun'; did you mean 'optimizer.momentum'"),
        ({"name": "adam", "momentum": 0.9}, "unknown key 'optimizer.momentum'"),
        ({"schedule": {"name": "cosin", "peak": 1}}, "unknown optimizer.schedule.name 'cosin'"),
        ({"schedule": {"name": "cosine"}}, "the key 'optimizer.schedule.peak' is missing"),
        (
            {"schedule": {"name": "cosine", "peak": 1, "epochs": [3]}},
            "unknown key 'optimizer.schedule.epochs'",
        ),
        ({"name": "adamw", "decoupled": False}, "optimizer.decoupled: .* got False"),
        ({"clipnorm": 1, "clipvalue": 1}, "clipped in one way: clipnorm or clipvalue"),
    ],
)
def test_what_an_optimizer_does_not_take_is_named_with_its_place(section, told):
    with pytest.raises(UserError, match=told):
        parsed(**{"schedule": HALF, **section})


def test_the_defaults_stand_in_the_config():
    section = SGDConfig(schedule=ConstantSchedule(peak=1.0)).model_dump()
    assert section["schedule"] == {"name": "constant", "peak": 1.0, "warmup": 0}
    assert section.keys() >= {"momentum", "nesterov", "weight_decay", "decoupled", "clipnorm"}

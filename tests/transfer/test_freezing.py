"""What is frozen, and how fast the rest learns."""

import keras
import numpy as np
import pytest

import kerascnn
from kerascnn.training.rates import with_rates
from kerascnn.transfer import freeze_but_classifiers, freeze_until, variable_rates


def make(name="resnet8", **options):
    return kerascnn.build(name, input_shape=(16, 16, 3), num_classes=3, **options)


def batch(model, count=8):
    random = np.random.default_rng(0)
    return (
        random.normal(3, 5, (count, *model.input_shape[1:])).astype("float32"),
        random.integers(0, 3, count),
    )


def fit(model, optimizer, steps=3):
    model.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    x, y = batch(model)
    for _ in range(steps):
        model.train_on_batch(x, y)


def test_normalizations_of_frozen_layers_stay_in_inference_mode():
    """Their statistics stay, and they normalize by these in training, not by the batch's."""
    model = make()
    x, _ = batch(model)
    frozen = freeze_until(model, "stage2")
    end = model.get_layer("stage2_block1_out").output
    part, whole = keras.Model(model.input, end), model
    before = {name: model.get_layer(name).get_weights() for name in frozen}
    np.testing.assert_array_equal(part(x, training=True), part(x, training=False))
    fit(whole, keras.optimizers.SGD(0.1))
    for name, weights in before.items():
        for old, new in zip(weights, model.get_layer(name).get_weights(), strict=True):
            np.testing.assert_array_equal(old, new)
    assert "stage1_block1_1_bn" in frozen and "stage3_block1_1_bn" not in frozen


def test_a_branch_that_a_layer_does_not_read_is_not_frozen_with_it():
    model = make()
    frozen = freeze_until(model, "stage2_block1_1_bn")
    assert "stage2_block1_1_conv" in frozen and "stage2_block1_proj_conv" not in frozen


@pytest.mark.parametrize(
    ("name", "last"), [("resnet8", "head_logits"), ("all_cnn_c", "stage3_3_conv")]
)
def test_the_last_layer_with_weights_is_the_classifier(name, last):
    model = make(name)
    freeze_but_classifiers(model)
    assert {x.name for x in model.layers if x.trainable_variables} == {last}


@pytest.mark.parametrize(
    "optimizer",
    [keras.optimizers.SGD(0.1, momentum=0.9), keras.optimizers.Adam(0.01)],
    ids=["sgd", "adam"],
)
def test_a_rate_scales_each_update_whatever_the_optimizer(optimizer):
    changes = {}
    for factor in (1.0, 0.1, 0.0):
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, name="head_logits")])
        kernel = model.layers[0].kernel
        before = kernel.numpy()
        made = type(optimizer).from_config(optimizer.get_config())
        rated = with_rates(made, {kernel.path: factor})
        model.compile(rated, keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        model.train_on_batch(np.ones((2, 4), "float32"), np.array([0, 2]))
        changes[factor] = kernel.numpy() - before
    np.testing.assert_allclose(changes[0.1], 0.1 * changes[1.0], rtol=1e-3, atol=1e-7)  # float32
    assert np.abs(changes[1.0]).max() > 1e-3 and np.abs(changes[0.0]).max() == 0


def test_a_layers_own_rate_counts_before_that_of_its_stage():
    model = make()
    rates = variable_rates(model, {"stage1": 0.5, "stage1_block1_1_conv": 0.25}, pretrained=0.1)
    by_layer = {path.split("/")[0]: factor for path, factor in rates.items()}
    assert by_layer["stage1_block1_1_conv"] == 0.25
    assert by_layer["stage1_block1_2_conv"] == 0.5
    assert by_layer["stem_conv"] == 0.1
    assert "head_logits" not in by_layer  # the new one learns at the whole rate

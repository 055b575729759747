"""Constants of branches and means, which the normalizations in front take in."""

import numpy as np
import pytest
from keras import layers
from small_networks import network, pixels

import kerascnn.layers as ours
from export.integer_form.rewrite import integer_form
from export.quantization.quantizer import quantized_model
from export.quantization.weights_back import weights_back


def normalized(x, **options):
    x = layers.Conv2D(6, 3, padding="same", use_bias=False)(x)
    return layers.ReLU()(layers.BatchNormalization(**options)(layers.Dropout(0.3)(x)))


def branch(x):
    x = layers.Conv2D(3, 3, padding="same")(x)
    return ours.StochasticDepth(0.6)(layers.BatchNormalization()(x))


def pooled_join(x):
    parts = [layers.MaxPooling2D(2)(normalized(x)) for _ in range(3)]
    return ours.FractalJoin(name="join")(parts, ours.FractalColumn(3)(x))


ABSORBED = {
    "stochastic depth": lambda x: layers.Add()([x, branch(x)]),
    "join of poolings": pooled_join,
    "average": lambda x: layers.Average()([normalized(x), normalized(x, center=False)]),
}


def shared_normalization(x):
    shared = layers.BatchNormalization()
    return layers.Add()([ours.StochasticDepth(0.6)(shared(x)), shared(x)])


def taken_by_others(x):
    x = normalized(x)
    return layers.Add()([x, ours.StochasticDepth(0.6)(x)])


KEPT = {
    "no normalization": lambda x: layers.Average()(
        [normalized(x), layers.Conv2D(6, 3, padding="same")(x)]
    ),
    "a normalization without scale": lambda x: ours.StochasticDepth(0.6)(
        normalized(x, scale=False)
    ),
    "a limit in between": lambda x: ours.StochasticDepth(0.6)(layers.ReLU(6.0)(normalized(x))),
    "shared": shared_normalization,
    "others take it too": taken_by_others,
}


@pytest.mark.parametrize("name", [*ABSORBED, *KEPT])
def test_it_computes_the_same_with_no_more_operations_than_it_must(name):
    model = network({**ABSORBED, **KEPT}[name])
    form = integer_form(model, folds_itself=True)
    x = pixels(model)
    np.testing.assert_allclose(form(x), model(x), rtol=1e-4, atol=1e-4)
    constants = [x for x in form.layers if isinstance(x, layers.DepthwiseConv2D)]
    assert bool(constants) == (name in KEPT)


@pytest.mark.parametrize("name", ABSORBED)
def test_weights_come_back_without_the_constant(name):
    model = network(ABSORBED[name])
    before = model.get_weights()
    simulated = quantized_model(model)
    for variable in model.variables:
        if "seed" not in variable.name:
            variable.assign(variable + 1)
    weights_back(simulated, model)
    for found, expected in zip(model.get_weights(), before, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_a_branch_that_stays_float_is_scaled_once():
    model = network(ABSORBED["stochastic depth"])
    names = [x.name for x in model.layers if isinstance(x, ours.StochasticDepth)]
    form = integer_form(model, exclude=names, folds_itself=True)
    x = pixels(model)
    np.testing.assert_allclose(form(x), model(x), rtol=1e-4, atol=1e-4)

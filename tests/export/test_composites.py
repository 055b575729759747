"""Layers with weights of a form of their own: rewritten, trained, and their weights back."""

import keras
import numpy as np
import pytest
from keras import layers
from small_networks import network, pixels

import kerascnn.layers as ours
from export.integer_form.composites import as_plain_layers
from export.quantization.quantizer import calibrate, quantized_model
from export.quantization.weights_back import weights_back
from kerascnn.models.graph import canonical, nodes

TABLE = ((0, 1), (1, 2), (0, 2), (0, 1, 2))
CODES = ((1.0, -1.0, 1.0, 1.0), (-1.0, 1.0, 1.0, -1.0))
COMPOSITES = {
    "separable": lambda: layers.SeparableConv2D(6, 3, 2, "same", name="odd"),
    "spatially separable": lambda: ours.SpatiallySeparableConv2D(
        4, (3, 5), (2, 1), "same", mid_filters=2, name="odd"
    ),
    "partially connected": lambda: ours.PartiallyConnectedConv2D(TABLE, 3, name="odd"),
    "subsampling": lambda: ours.TrainableSubsampling2D(2, name="odd"),
}


@pytest.mark.parametrize("name", COMPOSITES)
def test_it_computes_the_same_in_plain_layers(name):
    model = network(lambda x: COMPOSITES[name]()(x))
    plain = as_plain_layers(canonical(model))
    np.testing.assert_allclose(plain(pixels(model)), model(pixels(model)), rtol=1e-4, atol=1e-4)
    assert type(plain.get_layer("odd")) in (layers.Conv2D, layers.DepthwiseConv2D)


def test_distances_to_codes_are_a_dense_layer_of_squares():
    x = keras.Input((4,))
    model = keras.Model(x, ours.RadialBasisOutput(CODES, name="odd")(x))
    plain = as_plain_layers(model)
    points = np.random.default_rng(0).normal(size=(9, 4)).astype("float32")
    np.testing.assert_allclose(plain(points), model(points), rtol=1e-5, atol=1e-5)
    assert not plain.trainable_weights


@pytest.mark.parametrize("name", COMPOSITES)
def test_its_weights_come_back(name):
    model = network(lambda x: COMPOSITES[name]()(x))
    before = model.get_weights()
    simulated = quantized_model(model)
    for variable in model.variables:
        variable.assign(variable + 1)
    weights_back(simulated, model)
    for found, expected in zip(model.get_weights(), before, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_training_makes_no_connection_that_the_table_has_not():
    model = network(lambda x: COMPOSITES["partially connected"]()(x))
    simulated = quantized_model(model)
    calibrate(simulated, [pixels(model)])
    simulated.compile(keras.optimizers.SGD(1e-2), "mse")
    layer = simulated.get_layer("odd")
    before = layer.get_weights()[0]
    simulated.fit(pixels(model), np.zeros((32, 5)), batch_size=16, verbose=0)
    after = layer.get_weights()[0]
    np.testing.assert_array_equal(before != 0, after != 0)
    assert (before != after).any()


def test_one_that_is_shared_stays_shared():
    shared = ours.TrainableSubsampling2D(2, name="odd")
    model = network(lambda x: shared(layers.ZeroPadding2D(6)(shared(x))))
    plain = as_plain_layers(canonical(model))
    assert len([node for node in nodes(plain) if node.operation.name == "odd"]) == 2
    np.testing.assert_allclose(plain(pixels(model)), model(pixels(model)), rtol=1e-4, atol=1e-5)

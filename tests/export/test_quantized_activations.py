"""Activations with rounded slopes and limits that saturate: they train, are saved, and round."""

import keras
import numpy as np
from keras import layers
from small_networks import network, pixels

import kerascnn.layers as ours
from export.quantization.fake_quant import FakeQuant
from export.quantization.float_form import unrounded
from export.quantization.quantizer import calibrate, quantized_model


def special(x):
    x = layers.PReLU(shared_axes=(1, 2), name="prelu")(layers.Conv2D(4, 3, name="stem")(x))
    x = ours.PartiallyConnectedConv2D(((0, 1), (1, 2, 3), (3,)), 3, name="table")(x)
    x = layers.ReLU(0.5, name="capped")(layers.BatchNormalization(name="bn")(x))
    return layers.Activation("hard_tanh", name="bent")(layers.Conv2D(6, 1, name="last")(x))


def calibrated():
    simulated = quantized_model(network(special))
    calibrate(simulated, [pixels(simulated)])
    return simulated


def test_limits_are_ranges_that_never_move():
    fixed = {x.name: x.fixed for x in calibrated().layers if isinstance(x, FakeQuant)}
    assert fixed["capped_quant"] == (0.0, 0.5)
    assert fixed["bent_quant"] == (-1.0, 127 / 128)
    assert not {"bn_quant", "last_quant"} & set(fixed)  # one kernel computes them together


def test_slopes_are_multiples_of_one_step():
    simulated = calibrated()
    layer = simulated.get_layer("prelu")
    slopes = -np.asarray(layer(-np.ones((1, 1, 1, 4), "float32"))).ravel()
    step = np.abs(layer.get_weights()[0]).max() / 127
    np.testing.assert_allclose(slopes / step, np.rint(slopes / step), atol=1e-3)
    np.testing.assert_allclose(slopes, layer.get_weights()[0].ravel(), atol=0.51 * step)


def test_slopes_of_zero_stay_zero():
    simulated = calibrated()
    layer = simulated.get_layer("prelu")
    layer.set_weights([0 * layer.get_weights()[0]])
    assert not np.any(layer(-np.ones((1, 1, 1, 4), "float32")))


def test_they_train_and_are_saved(tmp_path):
    simulated = calibrated()
    before = simulated.get_layer("prelu").get_weights()[0]
    simulated.compile(keras.optimizers.SGD(1e-2), "mse")
    simulated.fit(pixels(simulated), np.zeros((32, 5)), batch_size=16, verbose=0)
    assert (simulated.get_layer("prelu").get_weights()[0] != before).all()
    simulated.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    images = pixels(simulated)
    np.testing.assert_array_equal(
        loaded.predict(images, verbose=0), simulated.predict(images, verbose=0)
    )
    assert loaded.get_layer("table").kernel_constraint.table == ((0, 1), (1, 2, 3), (3,))


def test_the_float_network_inside_computes_what_the_model_does():
    model = network(special)
    inside = unrounded(quantized_model(model))
    # The input alone is rounded to a whole pixel, of 127.5: by half a step of 1/128.
    found, expected = inside(pixels(model)), model(pixels(model))
    np.testing.assert_allclose(found, expected, atol=0.05 * np.abs(expected).max())

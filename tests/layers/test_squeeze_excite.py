import keras
import numpy as np
import pytest

from kerascnn.layers import squeeze_and_excitation


def model(channels, ratio, **arguments):
    image = keras.Input((3, 4, channels))
    return keras.Model(image, squeeze_and_excitation(image, ratio, name="se", **arguments))


def test_is_the_paper_s_formula(rng):
    net = model(8, 4)
    weights = [rng.normal(size=w.shape).astype("float32") for w in net.weights]
    net.set_weights(weights)
    w1, b1, w2, b2 = (np.squeeze(w) for w in weights)
    x = rng.normal(size=(2, 3, 4, 8)).astype("float32")
    hidden = np.maximum(x.mean(axis=(1, 2)) @ w1 + b1, 0)
    gate = 1 / (1 + np.exp(-(hidden @ w2 + b2)))
    # float32: sums of tens of terms
    np.testing.assert_allclose(net(x), x * gate[:, None, None], rtol=1e-5, atol=1e-6)


def test_has_two_dense_layers_worth_of_weights():
    assert model(32, 8).count_params() == 2 * 32 * 4 + 4 + 32


def test_the_gate_may_be_another():
    names = [layer.name for layer in model(8, 2, gate="hard_sigmoid").layers]
    assert "se_expand_hard_sigmoid" in names


def test_needs_as_many_channels_as_the_ratio():
    with pytest.raises(ValueError, match="ratio: expected 1 to the 8 channels, got 16"):
        model(8, 16)

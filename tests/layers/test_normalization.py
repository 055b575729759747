import keras
import numpy as np
import pytest

from kerascnn.layers import LocalResponseNormalization


def by_hand(x, size, alpha, beta, k):
    y = np.empty_like(x)
    channels = x.shape[-1]
    for c in range(channels):
        window = x[..., max(0, c - size // 2) : min(channels, c + size // 2 + 1)]
        y[..., c] = x[..., c] / (k + alpha * np.sum(window**2, axis=-1)) ** beta
    return y


@pytest.mark.parametrize("size", [1, 3, 5, 9])
def test_is_the_paper_s_formula(size):
    x = np.arange(2 * 2 * 3 * 7, dtype="float32").reshape(2, 2, 3, 7) / 10
    layer = LocalResponseNormalization(size, alpha=0.1, beta=0.75, k=2.0)
    # float32: exp and log are good to a few units in the last place
    np.testing.assert_allclose(layer(x), by_hand(x, size, 0.1, 0.75, 2.0), rtol=1e-5)


def test_the_defaults_are_alexnet_s(rng):
    x = rng.normal(size=(1, 2, 2, 8)).astype("float32") * 100
    y = LocalResponseNormalization()(x)
    np.testing.assert_allclose(y, by_hand(x, 5, 1e-4, 0.75, 2.0), rtol=1e-5)


def test_caffe_multiplies_the_mean_and_not_the_sum(rng):
    x = rng.normal(size=(1, 3, 3, 8)).astype("float32")
    paper = LocalResponseNormalization(5, alpha=0.1)(x)
    caffe = LocalResponseNormalization(5, alpha=0.5, convention="caffe")(x)
    np.testing.assert_allclose(paper, caffe, rtol=1e-6)


@pytest.mark.parametrize("sizes", [(4,), (2, 2), (2, 1, 2)])
def test_knows_one_to_three_spatial_axes(rng, sizes):
    x = rng.normal(size=(2, *sizes, 6)).astype("float32")
    layer = LocalResponseNormalization(3, alpha=0.3)
    np.testing.assert_allclose(layer(x), by_hand(x, 3, 0.3, 0.75, 2.0), rtol=1e-5)


def test_gradients(check_gradients, rng):
    def make(dtype):
        return LocalResponseNormalization(3, alpha=0.5, dtype=dtype)

    check_gradients(make, rng.normal(size=(2, 3, 3, 5)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"size": 4}, "size: expected an odd number of channels, got 4"),
        ({"k": 0}, "k: expected a positive number, got 0"),
        ({"convention": "torch"}, 'expected "paper" or "caffe", got \'torch\''),
    ],
)
def test_says_what_is_wrong(arguments, message):
    with pytest.raises(ValueError, match=message):
        LocalResponseNormalization(**arguments)


def test_shape_follows_the_input():
    x = keras.Input((None, None, 6))
    assert LocalResponseNormalization()(x).shape == (None, None, None, 6)

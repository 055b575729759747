import keras
import numpy as np
import pytest

from kerascnn.layers import UnsharedConv1D, UnsharedConv2D

# fmt: off
CASES = [
    (UnsharedConv1D, keras.layers.Conv1D, (9, 3),    {"kernel_size": 3, "strides": 2}),
    (UnsharedConv1D, keras.layers.Conv1D, (9, 3),    {"kernel_size": 4, "padding": "same"}),
    (UnsharedConv2D, keras.layers.Conv2D, (6, 7, 2), {"kernel_size": (3, 2)}),
    (UnsharedConv2D, keras.layers.Conv2D, (6, 7, 2), {"kernel_size": 3, "strides": 2,
                                                      "padding": "same"}),
]
# fmt: on


@pytest.mark.parametrize(("unshared", "shared", "shape", "arguments"), CASES)
def test_equal_kernels_are_a_convolution(compiled, rng, unshared, shared, shape, arguments):
    x = rng.normal(size=(2, *shape)).astype("float32")
    conv, layer = shared(4, **arguments), unshared(4, **arguments)
    conv.build(x.shape)
    layer.build(x.shape)
    kernel = np.broadcast_to(conv.kernel, layer.kernel.shape)
    layer.set_weights([kernel, rng.normal(size=layer.bias.shape)])
    # float32: the order of the sums differs
    y = compiled(layer)(x) - layer.bias
    np.testing.assert_allclose(y, compiled(conv)(x), rtol=1e-4, atol=1e-5)


def test_every_position_has_its_own_kernel_by_hand():
    x = np.arange(4, dtype="float32").reshape(1, 4, 1)
    layer = UnsharedConv1D(1, 2)
    layer.build(x.shape)
    layer.set_weights([np.array([[1, 0], [0, 1], [10, 100]]).reshape(3, 2, 1, 1), np.zeros((3, 1))])
    np.testing.assert_array_equal(np.ravel(layer(x)), [0, 2, 10 * 2 + 100 * 3])


def test_initial_kernels_differ_and_have_the_variance_of_one_position():
    layer = UnsharedConv2D(8, 3, kernel_initializer=keras.initializers.HeNormal(seed=0))
    layer.build((None, 12, 12, 4))
    kernel = np.asarray(layer.kernel)
    # 28,800 draws: their standard deviation is good to 1.3 % at three sigma
    assert kernel.std() == pytest.approx(np.sqrt(2 / (3 * 3 * 4)), rel=0.015)
    assert np.ptp(kernel.reshape(100, -1), axis=0).min() > 0


@pytest.mark.parametrize(("unshared", "shared", "shape", "arguments"), CASES)
def test_each_weight_is_multiplied_once(unshared, shared, shape, arguments):
    layer = unshared(4, **arguments)
    layer.build((None, *shape))
    weights = np.prod(layer.kernel.shape)
    assert layer.count_macs(shape) == layer.count_macs((None, *shape)) == weights


@pytest.mark.parametrize(("unshared", "shared", "shape", "arguments"), CASES)
def test_gradients(check_gradients, rng, unshared, shared, shape, arguments):
    def make(dtype):
        return unshared(2, **arguments, dtype=dtype)

    check_gradients(make, rng.normal(size=(2, *shape)))


def test_needs_a_known_size():
    with pytest.raises(ValueError, match="UnsharedConv2D: expected known sizes"):
        UnsharedConv2D(4, 3)(keras.Input((None, 8, 1)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"filters": 0, "kernel_size": 3}, "filters: expected a positive integer, got 0"),
        ({"filters": 4, "kernel_size": 0}, r"expected a positive integer or 2 of them, got \(0"),
        ({"filters": 4, "kernel_size": (3, 3, 3)}, r"or 2 of them, got \(3, 3, 3\)"),
        ({"filters": 4, "kernel_size": 3, "padding": "full"}, '"valid" or "same", got \'full\''),
    ],
)
def test_says_what_is_wrong(arguments, message):
    with pytest.raises(ValueError, match=message):
        UnsharedConv2D(**arguments)


def test_the_window_fits_into_the_image():
    with pytest.raises(ValueError, match='padding "valid": expected a size of at least 3, got 2'):
        UnsharedConv2D(4, 3)(keras.Input((2, 8, 1)))

import keras
import numpy as np
import pytest

from kerascnn.layers import SpatiallySeparableConv2D

# fmt: off
CASES = [
    {"kernel_size": 3},
    {"kernel_size": 3, "strides": 2, "padding": "same"},
    {"kernel_size": (5, 3), "strides": (1, 2), "padding": "same", "mid_filters": 2},
]
# fmt: on


@pytest.mark.parametrize("arguments", CASES)
def test_is_the_convolution_with_the_product_of_its_kernels(rng, arguments):
    x = rng.normal(size=(2, 8, 7, 3)).astype("float32")
    layer = SpatiallySeparableConv2D(4, **arguments)
    layer(x)
    layer.bias.assign(rng.normal(size=4))
    column, row = (np.asarray(w) for w in (layer.column_kernel, layer.row_kernel))
    kernel = np.einsum("icm,jmf->ijcf", column[:, 0], row[0])
    shared = {k: v for k, v in arguments.items() if k != "mid_filters"}
    conv = keras.layers.Conv2D(4, **shared)
    conv.build(x.shape)
    conv.set_weights([kernel, layer.bias])
    # float32: the order of the sums differs
    np.testing.assert_allclose(layer(x), conv(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("arguments", CASES)
def test_counts_both_convolutions(arguments):
    layer = SpatiallySeparableConv2D(4, **arguments)
    layer.build((None, 8, 7, 3))
    (down, right), padding = layer.strides, layer.padding
    height, width = layer.kernel_size
    column = keras.layers.Conv2D(layer.mid_filters, (height, 1), (down, 1), padding)
    row = keras.layers.Conv2D(4, (1, width), (1, right), padding)
    middle = column.compute_output_shape((1, 8, 7, 3))
    end = row.compute_output_shape(middle)
    expected = np.prod(middle) * height * 3 + np.prod(end) * width * layer.mid_filters
    assert layer.count_macs((8, 7, 3)) == layer.count_macs((None, 8, 7, 3)) == expected


@pytest.mark.parametrize("arguments", CASES)
def test_gradients(check_gradients, rng, arguments):
    def make(dtype):
        return SpatiallySeparableConv2D(3, **arguments, dtype=dtype)

    check_gradients(make, rng.normal(size=(2, 6, 5, 2)))


def test_there_is_something_in_the_middle():
    with pytest.raises(ValueError, match="mid_filters: expected a positive integer, got 0"):
        SpatiallySeparableConv2D(4, 3, mid_filters=0)

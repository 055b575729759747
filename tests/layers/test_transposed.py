import keras
import numpy as np
import pytest
from keras import layers, ops

from kerascnn.layers import ExactConv1DTranspose, ExactConv2DTranspose, ExactConv3DTranspose

# fmt: off
CASES = [  # kernel_size, strides, padding
    (3, 1, "valid"), (3, 2, "valid"), (2, 3, "valid"), (4, 2, "valid"), (1, 2, "valid"),
    (3, 1, "same"),  (3, 2, "same"),  (2, 3, "same"),  (4, 2, "same"),  (1, 2, "same"),
]
# fmt: on
RANKS = {
    1: (layers.Conv1D, ExactConv1DTranspose),
    2: (layers.Conv2D, ExactConv2DTranspose),
    3: (layers.Conv3D, ExactConv3DTranspose),
}


@pytest.mark.parametrize(("kernel_size", "strides", "padding"), CASES)
@pytest.mark.parametrize("size", [6, 7, 8])
def test_is_the_gradient_of_the_convolution_at_every_size(
    gradients, compiled, rng, size, kernel_size, strides, padding
):
    conv = layers.Conv1D(3, kernel_size, strides, padding, use_bias=False)
    image = rng.normal(size=(2, size, 4)).astype("float32")
    x = rng.normal(size=conv(image).shape).astype("float32")
    (expected,) = gradients(lambda image: ops.sum(conv(image) * x), [image])
    layer = ExactConv1DTranspose(4, kernel_size, strides, padding, output_size=size)
    layer.build(x.shape)
    layer.kernel.assign(conv.kernel)
    # float32: the order of the sums differs
    np.testing.assert_allclose(compiled(layer)(x), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("rank", RANKS)
def test_is_the_gradient_in_every_rank(gradients, rng, rank):
    shared, transposed = RANKS[rank]
    sizes = (6, 5, 7)[:rank]
    conv = shared(2, 3, 2, "same", use_bias=False)
    image = rng.normal(size=(2, *sizes, 3)).astype("float32")
    x = rng.normal(size=conv(image).shape).astype("float32")
    (expected,) = gradients(lambda image: ops.sum(conv(image) * x), [image])
    layer = transposed(3, 3, 2, "same", output_size=sizes)
    layer.build(x.shape)
    bias = rng.normal(size=3)
    layer.set_weights([conv.kernel, bias])
    np.testing.assert_allclose(layer(x), expected + bias, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("kernel_size", "strides", "padding"), CASES)
def test_is_keras_own_layer_at_the_size_that_chooses(rng, kernel_size, strides, padding):
    x = rng.normal(size=(2, 3, 4, 2)).astype("float32")
    own = layers.Conv2DTranspose(3, kernel_size, strides, padding)
    expected = own(x)
    layer = ExactConv2DTranspose(3, kernel_size, strides, padding, output_size=expected.shape[1:3])
    layer.build(x.shape)
    layer.set_weights(own.get_weights())
    np.testing.assert_allclose(layer(x), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("known", [True, False])
def test_takes_the_size_of_another_tensor(rng, known, padding):
    image = keras.Input((9, 8, 2) if known else (None, None, 2))
    x = layers.Conv2D(4, 3, 2, padding)(image)
    layer = ExactConv2DTranspose(2, 3, 2, padding)
    model = keras.Model(image, layer(x, like=image))
    x = rng.normal(size=(1, 9, 8, 2)).astype("float32")
    assert model.output_shape == (None, *image.shape[1:])
    assert model(x).shape == x.shape
    fixed = ExactConv2DTranspose(2, 3, 2, padding, output_size=(9, 8))
    fixed.build((None, 5, 4, 4))
    fixed.set_weights(layer.get_weights())
    np.testing.assert_allclose(model(x), fixed(model.layers[1](x)), rtol=1e-6)


@pytest.mark.parametrize(
    ("kernel_size", "strides", "padding"), [(3, 2, "valid"), (1, 2, "valid"), (3, 2, "same")]
)
def test_gradients(check_gradients, rng, kernel_size, strides, padding):
    count = layers.Conv1D(1, kernel_size, strides, padding).compute_output_shape((1, 8, 1))[1]

    def make(dtype):
        return ExactConv1DTranspose(2, kernel_size, strides, padding, output_size=8, dtype=dtype)

    check_gradients(make, rng.normal(size=(2, count, 3)))


def test_costs_what_the_convolution_costs_without_padding():
    layer = ExactConv2DTranspose(5, 3, 2, output_size=(9, 8))
    conv_output = layers.Conv2D(4, 3, 2).compute_output_shape((1, 9, 8, 5))
    expected = np.prod(conv_output) * 3 * 3 * 5
    assert layer.count_macs(conv_output) == layer.count_macs(conv_output[1:]) == expected
    assert layer.count_macs([conv_output, (1, 9, 8, 5)]) == expected  # as a layer of two inputs


@pytest.mark.parametrize(
    ("padding", "size", "message"),
    [
        ("same", (9, 11), "output_size: expected 9 to 10 on axis 1, .* makes 5, got 11"),
        ("valid", (10, 11), "output_size: expected 11 to 12 on axis 0, .* makes 5, got 10"),
        ("same", None, "ExactConv2DTranspose: expected output_size, or a second tensor"),
    ],
)
def test_says_which_sizes_there_are(padding, size, message):
    layer = ExactConv2DTranspose(2, 3, 2, padding, output_size=size)
    with pytest.raises(ValueError, match=message):
        layer(keras.Input((5, 5, 3)))

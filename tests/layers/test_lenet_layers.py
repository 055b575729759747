"""The layers of LeNet-5 of 1998."""

import keras
import numpy as np
import pytest
from keras import layers

from kerascnn.layers import (
    PartiallyConnectedConv2D,
    RadialBasisOutput,
    TrainableSubsampling2D,
    scaled_tanh,
)

rng = np.random.default_rng(0)


def test_scaled_tanh_passes_through_one():
    # 1.7159 is rounded to five digits.
    np.testing.assert_allclose(scaled_tanh(np.array([-1.0, 0.0, 1.0])), [-1, 0, 1], atol=1e-5)


def test_a_full_table_is_an_ordinary_convolution():
    full = PartiallyConnectedConv2D([(0, 1, 2)] * 4, (3, 5))
    dense = layers.Conv2D(4, (3, 5))
    x = rng.normal(size=(2, 9, 8, 3)).astype("float32")
    full.build(x.shape)
    dense.build(x.shape)
    # The weights stand filter by filter, those of a filter in the order of the table.
    full.set_weights(
        [
            np.transpose(dense.kernel.numpy(), (0, 1, 3, 2)).reshape(3, 5, 12),
            rng.normal(size=4),
        ]
    )
    dense.bias.assign(full.bias)
    np.testing.assert_allclose(full(x), dense(x), rtol=1e-5, atol=1e-5)  # float32, 45 products


def test_a_filter_sees_the_channels_of_its_table_and_no_others():
    layer = PartiallyConnectedConv2D([(0,), (1, 2)], 1)
    x = np.zeros((1, 1, 1, 3), "float32")
    layer(x)
    layer.set_weights([np.array([[[2.0, 3.0, 5.0]]]), np.array([0.5, 0.25])])
    seen = [
        np.asarray(layer(np.eye(3, dtype="float32")[[c]][:, None, None]))[0, 0, 0] for c in range(3)
    ]
    assert np.array(seen).tolist() == [[2.5, 0.25], [0.5, 3.25], [0.5, 5.25]]


def test_each_kernel_starts_within_2_4_over_its_own_fan_in():
    layer = PartiallyConnectedConv2D([(0,)] * 50 + [(0, 1, 2, 3)] * 50, 3)
    layer.build((None, 8, 8, 4))
    few, many = np.abs(layer.kernel.numpy()[..., :50]), np.abs(layer.kernel.numpy()[..., 50:])
    assert 0.9 * 2.4 / 9 < few.max() <= 2.4 / 9
    assert 0.9 * 2.4 / 36 < many.max() <= 2.4 / 36


def test_only_connections_of_the_table_are_counted():
    layer = PartiallyConnectedConv2D([(0,), (1, 2)], 5)
    layer.build((None, 14, 14, 3))
    assert layer.count_params() == 3 * 25 + 2
    assert layer.count_macs((None, 14, 14, 3)) == 10 * 10 * 3 * 25


def test_a_table_of_more_channels_than_the_input_has_is_refused():
    with pytest.raises(ValueError, match="expected channels 0 to 2, got 3; the input has 3"):
        PartiallyConnectedConv2D([(0, 3)], 3).build((None, 8, 8, 3))


def test_subsampling_sums_scales_and_shifts_each_map():
    layer = TrainableSubsampling2D(2)
    x = np.arange(32, dtype="float32").reshape(1, 4, 4, 2)
    np.testing.assert_array_equal(layer(x), layers.AveragePooling2D(2)(x))
    layer.set_weights([np.array([1.0, 0.5]), np.array([0.0, 3.0])])
    sums = 4 * np.asarray(layers.AveragePooling2D(2)(x))
    np.testing.assert_array_equal(layer(x), sums * [1, 0.5] + [0, 3])
    assert layer.count_params() == 2 * 2


def test_an_output_is_minus_the_squared_distance_and_has_no_weights():
    layer = RadialBasisOutput([(1, -1), (1, 1)])
    y = layer(np.array([[1.0, -1.0], [0.0, 3.0]], "float32"))
    assert np.asarray(y).tolist() == [[0, -4], [-17, -5]]
    assert layer.weights == []


@pytest.mark.parametrize(
    "layer",
    [
        PartiallyConnectedConv2D([(0,), (0, 1)], 3),
        TrainableSubsampling2D(2),
        RadialBasisOutput([(1, -1), (-1, 1)]),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_shapes_are_inferred_and_the_config_rebuilds(layer):
    shape = (3, 2) if isinstance(layer, RadialBasisOutput) else (3, 7, 6, 2)
    x = rng.normal(size=shape).astype("float32")
    y = layer(x)
    assert layer.compute_output_shape(shape) == y.shape
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    again(x)
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(again(x), y)

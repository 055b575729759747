import keras
import numpy as np
import pytest
from keras import layers

from kerascnn.layers import ChannelShuffle, grouped_conv_shuffle


def test_deals_the_groups_out_one_of_each_in_turn():
    x = np.arange(12, dtype="float32").reshape(1, 1, 2, 6)
    y = ChannelShuffle(2)(x)
    np.testing.assert_array_equal(y, [[[[0, 3, 1, 4, 2, 5], [6, 9, 7, 10, 8, 11]]]])


def test_the_shuffle_of_the_cofactor_undoes_it(rng):
    x = rng.normal(size=(2, 3, 3, 12)).astype("float32")
    np.testing.assert_array_equal(ChannelShuffle(4)(ChannelShuffle(3)(x)), x)


@pytest.mark.parametrize("groups", [1, 6])
def test_one_group_and_groups_of_one_stay_as_they_are(rng, groups):
    x = rng.normal(size=(2, 3, 3, 6)).astype("float32")
    np.testing.assert_array_equal(ChannelShuffle(groups)(x), x)


def test_gradients(check_gradients, rng):
    check_gradients(lambda dtype: ChannelShuffle(3, dtype=dtype), rng.normal(size=(2, 2, 2, 6)))


def test_groups_must_divide_the_channels():
    with pytest.raises(ValueError, match="groups: expected a divisor of the 8 channels, got 3"):
        ChannelShuffle(3)(keras.Input((4, 4, 8)))


def test_two_shuffled_grouped_convolutions_see_every_channel(gradients):
    def seen(between):
        """Which inputs reach the first channel of the second of two grouped convolutions."""
        x = image = keras.Input((1, 1, 9))
        x = between(x, name="a")
        x = layers.Conv2D(9, 1, groups=3, kernel_initializer="ones")(x)
        model = keras.Model(image, x)
        for weight in model.trainable_variables:
            weight.assign(np.ones(weight.shape))
        ones = np.ones((1, 1, 1, 9), "float32")
        (gradient,) = gradients(lambda x: model(x)[0, 0, 0, 0], [ones])
        return np.count_nonzero(gradient)

    assert seen(lambda x, name: grouped_conv_shuffle(x, 9, 1, groups=3, name=name)) == 9
    assert seen(lambda x, name: layers.Conv2D(9, 1, groups=3, name=name)(x)) == 3


def test_names_of_the_layers_and_no_shuffle_of_one_group():
    image = keras.Input((8, 8, 6))
    model = keras.Model(image, grouped_conv_shuffle(image, 12, 3, 2, groups=3, name="a"))
    names = [layer.name for layer in model.layers[1:]]
    assert names == ["a_pad", "a_conv", "a_bn", "a_relu", "a_shuffle"]
    assert model.output_shape == (None, 4, 4, 12)
    model = keras.Model(image, grouped_conv_shuffle(image, 12, 3, groups=1, name="a"))
    assert model.layers[-1].name == "a_relu"

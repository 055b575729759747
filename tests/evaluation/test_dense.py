"""A network slid over a picture: the same as the network, window by window."""

import keras
import numpy as np
import pytest
import slow_evaluation as slow
from keras import layers

from kerascnn import UserError, build
from kerascnn.evaluation import ArrayPictures, Predictor, scores, slid

RNG = np.random.default_rng(0)


def pixels(*shape):
    return RNG.integers(0, 256, shape).astype("float32")


# What stands at the end of each: dense layers, dense layers behind a dropout, a global average.
NETWORKS = {
    "vgg11": (32, 32, 3),
    "alexnet": (67, 67, 3),
    "alexnet_one_tower": (63, 63, 3),
    "lenet5": (32, 32, 1),
    "googlenet": (47, 47, 3),
    "squeezenet1_1": (47, 47, 3),
    "resnet20": (32, 32, 3),
    "nin_cifar10": (32, 32, 3),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_on_one_crop_it_answers_as_the_network(name):
    shape = NETWORKS[name]
    network = build(name, input_shape=shape, num_classes=7)
    images = pixels(2, *shape) / 255
    found = slid(network)(images, training=False)
    np.testing.assert_allclose(found, network(images, training=False), rtol=1e-4, atol=1e-5)
    larger = pixels(1, shape[0] + 32, shape[1] + 64, shape[2]) / 255
    assert slid(network)(larger, training=False).shape == (1, 7)


def valid_network(end=None):
    """No padding, so that a window of a picture is all that its answer is made of; stride 4.

    Its maps are 8 and 4 pixels wide: no row of the 17 is left over.
    """
    image = keras.Input((17, 17, 3))
    x = layers.Conv2D(6, 3, strides=2, activation="relu")(layers.Rescaling(1 / 255)(image))
    x = layers.Dropout(0.5)(layers.Flatten()(layers.MaxPooling2D(2)(x)))
    x = layers.BatchNormalization()(layers.Dense(9, activation="relu")(x))
    return keras.Model(image, layers.Dense(4, activation=end, kernel_initializer="he_normal")(x))


def test_on_a_larger_picture_it_averages_the_windows():
    network, image = valid_network(), pixels(28, 40, 3)
    found = slid(network)(image[None], training=False)[0]
    expected = slow.slid(lambda crop: network(crop[None], training=False)[0], image, 17, 4)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_class_scores_are_averaged_before_the_softmax():
    """VGG, section 3.2: the class score map is averaged, then its softmax taken."""
    network, image = valid_network("softmax"), pixels(28, 28, 3)
    linear = keras.models.clone_model(network)
    linear.layers[-1].activation = keras.activations.linear
    linear.set_weights(network.get_weights())
    found = slid(network)(image[None], training=False)[0]
    logits = slow.slid(lambda crop: linear(crop[None], training=False)[0], image, 17, 4)
    np.testing.assert_allclose(found, slow.softmax(logits), rtol=1e-4)


@pytest.mark.parametrize(("name", "sides"), [("dense", (19,)), ("multiscale", (19, 29, 39))])
def test_scales_and_mirror_images_are_averaged_as_in_plain_loops(name, sides):
    """VGG's 256, 384 and 512 pixels for 224 are these for 17."""
    network, image = valid_network(), pixels(24, 33, 3).astype(np.uint8)
    predictor = Predictor("it", (17, 17, 3), network.predict_on_batch, model=network)
    found = np.exp(scores(predictor, ArrayPictures(image[None]), name))[0]
    expected = []
    for side in sides:
        picture = slow.short_side(image, side)
        for view in (picture, np.fliplr(picture)):
            given = slow.slid(lambda crop: network(crop[None], training=False)[0], view, 17, 4)
            expected.append(slow.softmax(given))
    np.testing.assert_allclose(found, np.mean(expected, axis=0), atol=1e-4)  # rounded grey levels


def test_what_is_tied_to_its_size_is_refused_by_name():
    image = keras.Input((8, 8, 3))
    x = layers.BatchNormalization(name="over_all")(layers.Flatten()(image))
    with pytest.raises(UserError, match=r"cannot be slid over a picture: over_all \(BatchNorm"):
        slid(keras.Model(image, layers.Dense(2)(x)))
    x = layers.Reshape((4, 16, 3), name="folded")(image)
    x = layers.GlobalAveragePooling2D()(x)
    with pytest.raises(UserError, match=r"folded \(Reshape\) is tied to its size"):
        slid(keras.Model(image, layers.Dense(2)(x)))


def test_a_file_of_one_size_cannot_be_slid():
    predictor = Predictor("it.tflite", (16, 16, 3), lambda x: np.zeros((len(x), 2)))
    with pytest.raises(UserError, match=r"it.tflite: takes pictures of one size"):
        scores(predictor, ArrayPictures(np.zeros((1, 20, 20, 3), np.uint8)), "dense")

"""The crops of AlexNet, GoogLeNet and others, against the same in plain NumPy loops."""

import keras
import numpy as np
import pytest
import slow_evaluation as slow
from keras import layers

from kerascnn import UserError
from kerascnn.evaluation import ArrayPictures, Predictor, averaged, crops_of, plan_of, scores

SIDE = 14  # a sixteenth of 224, so that the papers' scales are 16, 18, 20 and 22
SCALES = (16, 18, 20, 22)
SHAPES = ((21, 33), (40, 19), (16, 16))  # wider, higher, and square at the first scale


def picture(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


@pytest.fixture(scope="module")
def model():
    """Sees where a pixel is and which side it is on, so that no crop stands for another."""
    keras.utils.set_random_seed(3)
    image = keras.Input((SIDE, SIDE, 3))
    x = layers.Conv2D(4, 3, activation="relu")(layers.Rescaling(1 / 255)(image))
    return keras.Model(image, layers.Dense(5, kernel_initializer="he_normal")(layers.Flatten()(x)))


def answer(model):
    return lambda pixels: model.predict_on_batch(np.asarray(pixels, "float32"))


@pytest.fixture(scope="module")
def predictor(model):
    return Predictor("the model", (SIDE, SIDE, 3), answer(model), model=model)


def slow_crops(name, pixels):
    return {
        "center": lambda: [slow.center_crop(slow.short_side(pixels, 16), SIDE)],
        "ten": lambda: slow.ten_crops(pixels, SIDE, 16),
        "144": lambda: slow.crops_144(pixels, SIDE, SCALES),
    }[name]()


def in_order(crops):
    """Sorted, since the papers give no order; the average has none."""
    return sorted(np.asarray(crop, np.uint8).tobytes() for crop in crops)


@pytest.mark.parametrize(("name", "count"), [("center", 1), ("ten", 10), ("144", 144)])
@pytest.mark.parametrize("shape", SHAPES)
def test_crops_are_those_of_the_paper(name, count, shape):
    pixels = picture(*shape)
    found = crops_of(pixels, (SIDE, SIDE), plan_of(name, (SIDE, SIDE)))
    assert found.shape == (count, SIDE, SIDE, 3)
    expected = slow_crops(name, pixels)
    assert len(expected) == count
    fast, plain = (np.sort(np.array([c.ravel() for c in x]), axis=0) for x in (found, expected))
    # One that lies between two grey levels, as one in 256 may, is rounded to either in float32.
    assert np.abs(fast - plain).max() <= 1 and (fast != plain).mean() < 0.01


@pytest.mark.parametrize("name", ["center", "ten", "144"])
def test_probabilities_are_averaged_as_in_plain_loops(model, predictor, name):
    pictures = [picture(*shape, seed) for seed, shape in enumerate(SHAPES)]
    found = np.exp(scores(predictor, Several(pictures), name))
    for row, pixels in zip(found, pictures, strict=True):
        expected = slow.averaged(lambda c: answer(model)(c[None])[0], slow_crops(name, pixels))
        np.testing.assert_allclose(row, expected, atol=1e-4)  # a grey level of some pixels
        assert row.sum() == pytest.approx(1)


class Several(ArrayPictures):
    """Pictures of several sizes."""

    def __init__(self, pictures):
        self.pixels = pictures

    def fitted(self, indices, shape, rule):
        return np.concatenate(
            [ArrayPictures(self.pixels[i][None]).fitted([0], shape, rule) for i in indices]
        )


def test_all_144_crops_differ_on_a_wide_picture():
    found = crops_of(picture(21, 40), (SIDE, SIDE), plan_of("144", (SIDE, SIDE)))
    assert len(set(in_order(found))) == 144


def test_scales_are_ratios_of_the_networks_own_input():
    """256 pixels for an input of 224 are 37 for 32."""
    pixels = picture(37, 37)
    (crop,) = crops_of(pixels, (32, 32), plan_of("center", (32, 32)))
    assert np.array_equal(crop, pixels[2:34, 2:34])
    (crop,) = crops_of(pixels, (32, 32), plan_of("center", (32, 32), (37,)))
    assert np.array_equal(crop, pixels[2:34, 2:34])


def test_an_input_that_is_no_square_keeps_its_proportions():
    pixels = picture(32, 16)
    found = crops_of(pixels, (28, 14), plan_of("ten", (28, 14)))
    assert np.array_equal(found[0], pixels[:28, :14])
    assert np.array_equal(found[8], pixels[4:, 2:][:, ::-1])


def test_scales_of_ones_own_are_averaged(model, predictor):
    pixels = picture(30, 30)
    found = np.exp(scores(predictor, ArrayPictures(pixels[None]), "center", (14, 20)))[0]
    crops = [slow.center_crop(slow.short_side(pixels, side), SIDE) for side in (14, 20)]
    expected = slow.averaged(lambda c: answer(model)(c[None])[0], crops)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_an_ensemble_averages_probabilities(predictor):
    pictures = ArrayPictures(np.stack([picture(14, 14, seed) for seed in range(4)]))
    other = Predictor("other", (SIDE, SIDE, 3), lambda x: -predictor.answer(x))
    logs = [scores(one, pictures) for one in (predictor, other)]
    outputs = predictor.answer(pictures.pixels)
    expected = [(slow.softmax(row) + slow.softmax(-row)) / 2 for row in outputs]
    np.testing.assert_allclose(np.exp(averaged(logs)), expected, atol=1e-6)  # float32


def test_probabilities_are_taken_as_they_are():
    half = Predictor("half", (2, 2, 1), lambda x: np.array([[0.5, 0.5, 0.0]] * len(x)), True)
    found = np.exp(scores(half, ArrayPictures(np.zeros((3, 2, 2, 1), np.uint8))))
    np.testing.assert_allclose(found, [[0.5, 0.5, 0.0]] * 3, atol=1e-12)


def test_unknown_crops_and_small_scales_are_refused(predictor):
    pictures = ArrayPictures(picture(20, 20)[None])
    with pytest.raises(UserError, match="unknown crops 'tenn'; did you mean 'ten'"):
        scores(predictor, pictures, "tenn")
    with pytest.raises(UserError, match="at least the 14 pixels that the network takes, got 12"):
        scores(predictor, pictures, "ten", (12, 16))

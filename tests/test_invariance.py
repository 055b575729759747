"""Images that move, and networks of which is known what they make of that."""

import json
import shutil

import keras
import numpy as np
import pytest
from keras import layers

from kerascnn import UserError
from kerascnn.experiments.invariance import equivariances, invariance
from kerascnn.experiments.moved import rotated, scaled, translated

NOISE = np.random.default_rng(0).integers(0, 256, (6, 24, 24, 1)).astype("float32")


def network(*stack, side=24):
    image = x = keras.Input((side, side, 1), name="image")
    for layer in stack:
        x = layer(x)
    return keras.Model(image, layers.Dense(3, name="logits")(layers.GlobalAveragePooling2D()(x)))


def test_a_valid_convolution_without_stride_is_exactly_equivariant():
    (stage,) = equivariances(network(layers.Conv2D(4, 5, name="conv")), NOISE)
    assert (stage.stage, stage.stride, stage.between) == ("conv", 1, None)
    # float32: the same products may be summed in another order at another place.
    assert stage.aligned == stage.aligned_inside == pytest.approx(0, abs=1e-6)


def test_a_stride_is_equivariant_to_its_multiples_alone():
    """One pixel further, a convolution that reads every second place reads those between."""
    takes = layers.Conv2D(1, 1, 2, kernel_initializer="ones", name="conv")
    (stage,) = equivariances(network(takes), NOISE)
    assert stage.stride == 2 and stage.aligned == pytest.approx(0, abs=1e-6)
    # Of noise v, uniform in 0..255, the error is v - (u + w) / 2 of three independent pixels.
    variance, power = 256**2 / 12, 256**2 / 3
    assert stage.between == pytest.approx(np.sqrt(1.5 * variance / power), rel=0.05)


def test_zeros_around_a_map_do_not_move_with_the_image():
    (stage,) = equivariances(network(layers.Conv2D(4, 5, padding="same", name="conv")), NOISE)
    assert stage.aligned > 0.05
    assert stage.aligned_inside == pytest.approx(0, abs=1e-6)


def test_a_global_average_is_exactly_invariant_while_nothing_leaves_the_image():
    images = np.zeros((4, 24, 24, 1), "float32")
    images[:, 8:16, 8:16] = NOISE[:4, :8, :8]
    bends = layers.Conv2D(4, 3, activation="relu", name="conv")
    found = invariance(network(bends), images, np.zeros(4, int))
    moved = [one for one in found.answers if one.movement == "translation"]
    assert [one.amount for one in moved] == [0, 1, 2, 3, 4, 5, 6] and found.images == 4
    assert all(one.change < 1e-5 and one.same == 1 for one in moved)
    assert len({one.accuracy for one in moved}) == 1
    turned = {one.amount: one.change for one in found.answers if one.movement == "rotation"}
    assert turned[0] < 1e-5 < turned[90]


def test_images_move_down_right_and_repeat_their_edge():
    moved = translated(NOISE, 2, -3)
    np.testing.assert_array_equal(moved[:, 2:, :-3], NOISE[:, :-2, 3:])
    np.testing.assert_array_equal(moved[:, 0], moved[:, 2])


def test_a_quarter_turn_and_no_scale_are_exact():
    np.testing.assert_allclose(rotated(NOISE, 90), np.rot90(NOISE, 1, (1, 2)), atol=0.02)
    np.testing.assert_allclose(scaled(NOISE, 1.0), NOISE, atol=1e-3)
    ramp = np.broadcast_to(np.arange(24.0)[:, None, None], (1, 24, 24, 1))
    large = scaled(ramp, 2.0)[0, :, 12, 0]
    np.testing.assert_allclose(np.diff(large), 0.5, atol=1e-3)


def test_of_a_run_and_of_a_file_with_labelled_images(kerascnn, finished_run, tmp_path):
    code, out, err = kerascnn("invariance", finished_run, "--out", tmp_path, "--json")
    found = json.loads(out)
    assert (code, err) == (0, "") and found == json.loads(
        (tmp_path / "invariance.json").read_text()
    )
    assert (tmp_path / "invariance.png").stat().st_size > 10_000
    right = {
        one["amount"]: one["accuracy"] for one in found["answers"] if one["movement"] == "rotation"
    }
    assert right[0] > 0.9 and right[90] < 0.5  # digits that lie on their side
    arrays = tmp_path / "images.npy"
    np.save(arrays, np.random.default_rng(0).integers(0, 256, (4, 32, 32, 1)))
    file = shutil.copy(finished_run / "model.keras", tmp_path)
    code, out, err = kerascnn("invariance", file, "--images", arrays, "--out", tmp_path, "--csv")
    assert (code, err) == (0, "") and out.startswith("movement,amount,change,same,accuracy\n")
    code, _, err = kerascnn("invariance", file)
    assert code == 2 and "say --images" in err


def test_what_is_no_classifier_of_images_is_refused():
    with pytest.raises(UserError, match="expected one input of images"):
        invariance(keras.Sequential([keras.Input((4,)), layers.Dense(2)]), np.zeros((2, 4)))

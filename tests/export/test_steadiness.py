"""How near a simulation of int8 comes to itself, and what that asks of its file."""

import keras
import numpy as np
import pytest
from keras import layers
from small_networks import network, pixels

from export.proof.checks import (
    LEAST_STEADY,
    MEAN_STEPS,
    STEPS_OF_LABELLED,
    UNSTEADY,
    WITHIN_A_STEP,
    near_the_simulation,
)
from export.proof.reference import output_steps
from export.proof.steadiness import strayed
from export.quantization.quantizer import calibrate, quantized_model
from kerascnn.evaluation import predictions


def chain(depth):
    """Convolutions of random weights, one behind the other: each rounding stirs the next."""

    def body(x):
        for number in range(depth):
            kernel = keras.initializers.RandomNormal(stddev=0.2, seed=number)
            x = layers.Conv2D(8, 3, padding="same", kernel_initializer=kernel)(x)
            x = layers.ReLU()(layers.BatchNormalization()(x))
        return x

    return body


def steady(depth):
    model = network(chain(depth))
    images = pixels(model, 64)
    simulated = quantized_model(model)
    calibrate(simulated, [images])
    outputs = predictions(simulated, [images])[0]
    (moved,) = strayed(simulated, [images], [outputs], output_steps(simulated))
    np.testing.assert_array_equal(outputs, predictions(simulated, [images])[0])  # as before
    return (moved <= 1).mean()


def test_a_deep_chain_of_noise_strays_from_itself_and_a_short_one_does_not():
    assert steady(2) == 1.0
    assert steady(24) < WITHIN_A_STEP


@pytest.mark.parametrize(
    ("near", "unsteady", "decided", "limit"),
    [
        (1.0, None, False, WITHIN_A_STEP),  # near enough: steadiness is not even measured
        (1.0, None, True, WITHIN_A_STEP - STEPS_OF_LABELLED),
        (0.95, 0.0, False, WITHIN_A_STEP),
        (0.95, 0.02, False, WITHIN_A_STEP - 0.02 * UNSTEADY),
        (0.95, 0.02, True, WITHIN_A_STEP - 0.02 * UNSTEADY - STEPS_OF_LABELLED),
        (0.95, 0.5, False, LEAST_STEADY),
        (0.4, 0.5, True, LEAST_STEADY),
    ],
)
def test_no_file_must_be_nearer_to_its_simulation_than_that_is_to_itself(
    near, unsteady, decided, limit
):
    off = np.zeros(1000)
    off[: round(1000 * (1 - near))] = 2
    moved = np.zeros(1000)
    moved[: round(1000 * (unsteady or 0))] = 2
    told = pytest.fail if unsteady is None else lambda: moved
    check, distance = near_the_simulation(off, told, decided=decided)
    assert distance.limit == pytest.approx(MEAN_STEPS + 2 * UNSTEADY * (unsteady or 0))
    assert (check.measured, check.limit) == (near, pytest.approx(limit))
    assert check.passed == (near >= limit)

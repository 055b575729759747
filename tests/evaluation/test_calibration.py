"""Expected calibration error and the temperature that mends it."""

import numpy as np
import pytest
import slow_evaluation as slow

from kerascnn.evaluation import (
    at_temperature,
    calibration_error,
    classification,
    fit_temperature,
    log_probabilities,
)


@pytest.fixture(scope="module")
def honest():
    """Logits whose probabilities are true, and labels drawn by them: (6000, 7), (6000,)."""
    rng = np.random.default_rng(0)
    logits = 2 * rng.normal(size=(6000, 7))
    probabilities = np.exp(log_probabilities(logits))
    labels = np.array([rng.choice(7, p=row) for row in probabilities])
    return logits, labels


def test_the_error_is_that_of_plain_loops(honest):
    logits, labels = honest
    logs = log_probabilities(3 * logits)
    for bins in (10, 15):
        expected = slow.calibration_error(np.exp(logs), labels, bins)
        assert calibration_error(logs, labels, bins) == pytest.approx(expected, abs=1e-12)


def test_a_coin_that_claims_to_be_sure_is_half_wrong():
    logs = log_probabilities(np.array([[40.0, 0.0]] * 4))
    assert calibration_error(logs, np.array([0, 1, 0, 1])) == pytest.approx(0.5)
    assert calibration_error(logs, np.zeros(4, int)) == pytest.approx(0)


@pytest.mark.parametrize("times", [0.25, 1.0, 4.0])
def test_the_temperature_undoes_what_made_logits_too_sure(honest, times):
    logits, labels = honest
    found = fit_temperature(times * logits, labels)
    assert found == pytest.approx(times, rel=0.05)  # 6000 labels say it to some percent
    logs = log_probabilities(times * logits)
    assert fit_temperature(logs, labels) == pytest.approx(found)  # they differ by a constant a row
    assert calibration_error(at_temperature(logs, found), labels) < 0.02


def test_it_is_the_likeliest_of_many(honest):
    logits, labels = honest
    rows = np.arange(len(labels))

    def likelihood(temperature):
        return at_temperature(2 * logits, temperature)[rows, labels].mean()

    best = likelihood(fit_temperature(2 * logits, labels))
    assert all(likelihood(t) <= best for t in np.geomspace(0.1, 10, 60))


def test_it_is_fitted_on_other_images_than_it_is_judged_on(honest):
    logits, labels = honest
    half = 3000
    found = classification(
        5 * logits[:half], labels[:half], fitted_on=(5 * logits[half:], labels[half:])
    )
    assert found.temperature == fit_temperature(5 * logits[half:], labels[half:])
    assert found.calibration_error > 0.1 > 3 * found.calibrated_error


def test_labels_that_are_always_right_make_it_cold():
    logits = np.array([[2.0, 0.0], [0.0, 2.0]] * 10)
    assert fit_temperature(logits, np.array([0, 1] * 10)) < 0.1

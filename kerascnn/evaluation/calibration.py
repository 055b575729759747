"""Whether probabilities can be believed: of what is said with 80 %, 80 % should be right.

Guo, Pleiss, Sun & Weinberger, "On Calibration of Modern Neural Networks", arXiv:1706.04599.
"""

import numpy as np

BINS = 15  # as in the paper
HOTTEST = 100.0  # of a temperature; the coldest is its reciprocal
HALVINGS = 40  # of the interval it is searched in


def calibration_error(logs: np.ndarray, labels: np.ndarray, bins: int = BINS) -> float:
    """The expected calibration error, 0..1: |accuracy - confidence|, averaged over the answers.

    Answers are gathered in bins by their confidence, the probability of the likeliest class.

    Args:
        logs: log-probabilities, (n, classes). labels: (n,).
    """
    confidence = np.exp(logs.max(axis=1))
    right = logs.argmax(axis=1) == labels
    which = np.ceil(confidence * bins).astype(int).clip(1, bins) - 1
    gaps = np.bincount(which, right - confidence, minlength=bins)  # of each bin, times its answers
    return float(np.abs(gaps).sum() / len(labels))


def fit_temperature(logs: np.ndarray, labels: np.ndarray) -> float:
    """The temperature at which the labels are likeliest: above 1 where the network is too sure.

    The likelihood has one maximum in 1 / temperature: where the average of the logits under the
    probabilities passes those of the labels.

    Args:
        logs: logits or log-probabilities, (n, classes), of images the network was not trained on.
        labels: (n,).
    """
    low, high = np.log(1 / HOTTEST), np.log(HOTTEST)
    truth = logs[np.arange(len(labels)), labels].mean()
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        expected = (np.exp(at_temperature(logs, np.exp(-middle))) * logs).sum(axis=1).mean()
        low, high = (middle, high) if expected < truth else (low, middle)
    return float(np.exp(-(low + high) / 2))


def at_temperature(logs: np.ndarray, temperature: float) -> np.ndarray:
    """Log-probabilities of logits, or of log-probabilities, divided by a temperature."""
    divided = logs / temperature
    shifted = divided - divided.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))

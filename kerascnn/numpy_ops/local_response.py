"""Local response normalization: Krizhevsky, Sutskever & Hinton, NIPS 2012, section 3.3."""

import numpy as np

from kerascnn.errors import UserError


def local_response_norm(
    x: np.ndarray, size: int = 5, *, alpha: float = 1e-4, beta: float = 0.75, k: float = 2.0
) -> np.ndarray:
    """Divides each activation by a power of the energy in the channels around it.

    y[c] = x[c] / (k + alpha sum of x[j]^2 over the `size` channels around c)^beta

    The window is cut off at the first and last channel. (..., channels) -> the same. alpha is the
    paper's; Caffe and torch divide theirs by `size`.

    Raises:
        UserError: an even size, or a k that is not positive.
    """
    energy, _ = _energy(x, size, alpha, k)
    return x * energy**-beta


def local_response_norm_gradient(
    dy: np.ndarray,
    x: np.ndarray,
    size: int = 5,
    *,
    alpha: float = 1e-4,
    beta: float = 0.75,
    k: float = 2.0,
) -> np.ndarray:
    """Gradient of `local_response_norm`: an activation also dims its neighbours.

    dx[c] = dy[c] e[c]^-beta - 2 alpha beta x[c] sum over j around c of dy[j] x[j] e[j]^(-beta - 1)

    with e the energy in the brackets. Arguments and errors of the operator.
    """
    energy, band = _energy(x, size, alpha, k)
    sent = (dy * x * energy ** (-beta - 1)) @ band
    return dy * energy**-beta - 2 * alpha * beta * x * sent


def _energy(x, size, alpha, k):
    """k + alpha times the sums of squares, and the matrix that sums: 1 where a window has both."""
    if size < 1 or size % 2 == 0 or k <= 0:
        raise UserError(f"expected an odd size and a positive k, got size={size} and k={k}")
    places = np.arange(x.shape[-1])
    band = (abs(np.subtract.outer(places, places)) <= size // 2).astype(x.dtype)
    return k + alpha * (x**2 @ band), band

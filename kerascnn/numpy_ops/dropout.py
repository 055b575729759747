"""Dropout: Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from Overfitting",
JMLR 2014, in its two scalings."""

from typing import Literal

import numpy as np

from kerascnn.errors import UserError

Scaling = Literal["training", "test"]


def dropout(
    x: np.ndarray, keep: np.ndarray | None, rate: float, *, scaling: Scaling = "training"
) -> np.ndarray:
    """Sets the numbers to zero that a mask does not keep, and scales so that the mean stays.

    | scaling    | in training              | at test        |
    | "training" | x keep / (1 - rate)      | x              |
    | "test"     | x keep                   | x (1 - rate)   |

    "test" is the paper's; "training", inverted dropout, is what Keras and others do: at test
    there is nothing left to do.

    Args:
        x: any shape.
        keep: its shape, 0 or 1; None at test.
        rate: the share that is dropped, from 0 to below 1.

    Raises:
        UserError: another rate or scaling, a mask of another shape.
    """
    if not 0 <= rate < 1:
        raise UserError(f"rate: expected a share from 0 to below 1, got {rate}")
    if scaling not in ("training", "test"):
        raise UserError(f"scaling: expected 'training' or 'test', got {scaling!r}")
    if keep is not None and keep.shape != x.shape:
        raise UserError(f"keep: expected a mask of the shape of x, {x.shape}, got {keep.shape}")
    if keep is None:
        return x if scaling == "training" else x * (1 - rate)
    kept = np.where(keep, x, 0)
    return kept / (1 - rate) if scaling == "training" else kept


def dropout_gradient(
    dy: np.ndarray, keep: np.ndarray | None, rate: float, *, scaling: Scaling = "training"
) -> np.ndarray:
    """Gradient of `dropout`: it is linear, and goes back as it went. Arguments and errors of it."""
    return dropout(dy, keep, rate, scaling=scaling)

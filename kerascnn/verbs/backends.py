"""Which backend Keras runs on: it is chosen once, before Keras is imported."""

import os
import sys
from typing import Literal

from kerascnn.errors import UserError

VARIABLE = "KERAS_BACKEND"
Backend = Literal["tensorflow", "jax"]


def take_backend(name: Backend | None) -> None:
    """Makes `name` the backend of this process; None leaves the choice to Keras.

    Raises:
        UserError: Keras is imported already, with another one.
    """
    if name is None:
        return
    if "keras" in sys.modules and (now := chosen_backend()) != name:
        raise UserError(
            f"--backend {name}: Keras runs on {now} in this process already; "
            f"set {VARIABLE}={name} before it is imported"
        )
    os.environ[VARIABLE] = name


def chosen_backend() -> str:
    """The backend that Keras runs on here, or will."""
    if "keras" not in sys.modules and (name := os.environ.get(VARIABLE)):
        return name
    import keras

    return keras.config.backend()

"""Which backend Keras runs on: it is chosen once, before Keras is imported."""

import importlib.util
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


def import_keras_for_shapes() -> None:
    """Imports Keras for what no backend computes, as shapes: on the one that starts sooner.

    JAX starts in half the time of TensorFlow. A backend that somebody chose is left alone, and the
    variable is as it was afterwards.
    """
    if "keras" in sys.modules or VARIABLE in os.environ or not importlib.util.find_spec("jax"):
        return
    os.environ[VARIABLE] = "jax"
    try:
        import keras  # noqa: F401
    finally:
        del os.environ[VARIABLE]

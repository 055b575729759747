"""Which backend Keras runs on: it is chosen once, before Keras is imported."""

import importlib.util
import json
import os
import sys
from pathlib import Path
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
    """The backend that Keras runs on here, or will: by KERAS_BACKEND, keras.json, or itself.

    Nothing is imported for it: Keras brings TensorFlow, which has greetings to be muted.
    """
    if "keras" in sys.modules:
        import keras

        return keras.config.backend()
    if name := os.environ.get(VARIABLE):
        return name
    folder = os.environ.get("KERAS_HOME") or Path("~/.keras").expanduser()
    try:
        return json.loads((Path(folder) / "keras.json").read_text())["backend"]
    except (OSError, ValueError, LookupError, TypeError):
        return "tensorflow"


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

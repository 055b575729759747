"""What the extra `tfmot` installs, imported where it is asked for."""

import contextlib
import importlib
import os
from typing import Any

from kerascnn.extras import require

TFMOT = "tensorflow_model_optimization"


def import_extra(name: str) -> Any:
    """Imports a package of the extra `tfmot`; UserError with the command where it is missing."""
    require("tfmot", "the engine 'tfmot'")
    with _environment_kept():
        return importlib.import_module(name, __package__)


@contextlib.contextmanager
def _environment_kept():
    """tfmot asks for tf_keras in the whole process, and in every one that it starts."""
    before = os.environ.get("TF_USE_LEGACY_KERAS")
    try:
        yield
    finally:
        if before is None:
            os.environ.pop("TF_USE_LEGACY_KERAS", None)
        else:
            os.environ["TF_USE_LEGACY_KERAS"] = before

"""kerascnn: Keras 3 models in, verified edge artifacts out.

Names are imported when they are first used, so that `kerascnn --help` and the processes that run
artifacts do not wait for Keras.
"""

from importlib import import_module

__version__ = "0.1.0"

_homes = {
    "UserError": "kerascnn.errors",
    "build": "kerascnn.models",
    "normalized": "kerascnn.models",
    "preprocessing": "kerascnn.models",
    "train": "kerascnn.training",
    "open_run": "kerascnn.training",
}
__all__ = ["UserError", "build", "normalized", "open_run", "preprocessing", "train"]


def __getattr__(name):
    if name not in _homes:
        raise AttributeError(f"module 'kerascnn' has no attribute {name!r}")
    return getattr(import_module(_homes[name]), name)

"""kerascnn: Keras 3 models in, verified edge artifacts out.

`from kerascnn import export` is the half that compresses, converts and verifies.

Names are imported when they are first used, so that `kerascnn --help` and the processes that run
artifacts do not wait for Keras.
"""

import sys
from importlib import import_module, util
from pathlib import Path

__version__ = "0.1.0"

# Set by what must not wait for Keras: the command line, and the processes that run artifacts.
answers_at_once = False

_homes = {
    "Preprocessing": "kerascnn.models",
    "UserError": "kerascnn.errors",
    "Distiller": "kerascnn.training",
    "build": "kerascnn.models",
    "finetune": "kerascnn.transfer",
    "normalized": "kerascnn.models",
    "preprocessing": "kerascnn.models",
    "save_state_dict": "kerascnn.transfer",
    "find_rate": "kerascnn.training",
    "train": "kerascnn.training",
    "open_run": "kerascnn.training",
}
__all__ = [
    "Preprocessing",
    "Distiller",
    "UserError",
    "build",
    "find_rate",
    "finetune",
    "normalized",
    "open_run",
    "preprocessing",
    "save_state_dict",
    "train",
]


def __getattr__(name):
    if name == "export":
        return _export()
    if name not in _homes:
        raise AttributeError(f"module 'kerascnn' has no attribute {name!r}")
    return getattr(import_module(_homes[name]), name)


def _export():
    """The package `export` that came with this one, whatever else is called so on the path.

    A script of one's own may well stand beside an `export.py`; ours is then `kerascnn.export`.
    """
    here = Path(__file__).parents[1] / "export" / "__init__.py"
    found = sys.modules.get("export")
    spec = found.__spec__ if found else util.find_spec("export")
    if spec and spec.origin and Path(spec.origin).resolve() == here.resolve():
        return import_module("export")
    name = "kerascnn.export"
    if name not in sys.modules:
        folders = [str(here.parent)]
        spec = util.spec_from_file_location(name, here, submodule_search_locations=folders)
        assert spec is not None and spec.loader is not None  # the file came with this one
        sys.modules[name] = module = util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return sys.modules[name]

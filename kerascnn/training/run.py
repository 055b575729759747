"""A run folder: the config, the model and what was measured, each in a file of its own.

config.yaml      the resolved config
run.json         labels, input shape, resize rule, versions, best epoch
history.csv      a row an epoch
model.keras      the best model, float32: raw pixels 0..255 -> logits
checkpoints/     last.keras and best.keras, as they were trained
tensorboard/     the same history for TensorBoard
"""

import re
import warnings
import zipfile
import zlib
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import kerascnn
from kerascnn.config import Config, parse, read_yaml
from kerascnn.data import Data, load_data
from kerascnn.errors import UserError
from kerascnn.files import readable_file
from kerascnn.training.facts import read_facts
from kerascnn.training.hdf5 import AS_KERAS, HDF5, contents
from kerascnn.training.history import Row, read_history

if TYPE_CHECKING:
    import keras

DEEPEST = 10_000  # layers that a saved model may have one behind the other; ResNet-1202 has 4,200
MODEL_FILES = (".keras", *HDF5)  # what `load_model` reads
MOST_BYTES = 2**36  # of a .keras file
LIKELY_BYTES = 2**26  # that any archive may unpack to
MOST_PACKING = 2  # a layer of one's own may store its floats as halves
MOST_EXPANSION = 20  # Keras does not compress; weights that are mostly zero may have been zipped


@dataclass(frozen=True)
class Run:
    """What `train` left in `path`."""

    path: Path

    @cached_property
    def config(self) -> Config:
        return parse(Config, read_yaml(self.path / "config.yaml"), self.path / "config.yaml")

    @cached_property
    def facts(self) -> dict[str, Any]:
        return read_facts(self.path / "run.json")

    @property
    def labels(self) -> list[str]:
        return self.facts["labels"]

    @property
    def history(self) -> list[Row]:
        return read_history(self.path / "history.csv")

    def data(self, data_dir: str | Path | None = None) -> Data:
        """The splits of the run, the same ones it was trained with."""
        seed = self.config.training.seed
        data = load_data(self.config.data, seed=seed, data_dir=data_dir)
        if list(data.names) != self.labels or list(data.shape) != self.facts["input_shape"]:
            raise UserError(f"{self.path}: the data is not what this run was trained on")
        return data

    def model(self) -> "keras.Model":
        """The best model: raw pixels (batch, height, width, channels), 0..255 -> logits."""
        return load_finite(self.path / "model.keras")


def open_run(path: "str | Path | Run") -> Run:
    """Opens a run folder, or gives back an open `Run`; UserError if it is none or not finished."""
    if isinstance(path, Run):
        return path
    path = Path(path)
    if not path.is_dir():
        raise UserError(f"no such run folder: {path}")
    missing = [n for n in ("config.yaml", "run.json", "model.keras") if not (path / n).exists()]
    if missing:
        raise UserError(
            f"{path}: not a finished run, {', '.join(missing)} missing; "
            f"kerascnn train CONFIG --out {path} makes it"
        )
    return Run(path)


def load_finite(path: str | Path) -> "keras.Model":
    """Loads a model that training wrote; UserError also where a weight of it is not finite."""
    model = load_model(path)
    refuse_not_finite(model, path)
    return model


def refuse_not_finite(model: "keras.Model", path: str | Path) -> None:
    """UserError where a model has weights that are infinite or not a number."""
    if not all(np.isfinite(w).all() for w in model.get_weights()):
        raise UserError(f"{path}: has weights that are not finite; it cannot be of use")


def load_model(path: str | Path, *, trust: bool = False) -> "keras.Model":
    """Loads a .keras or .h5 file. Code inside it (a Lambda layer) is refused unless `trust`.

    Raises:
        UserError: no such file, no Keras file, one that carries code, or one with a layer that no
            imported module has.
    """
    import keras

    from kerascnn.models.graph import allow_depth

    allow_depth(DEEPEST)
    import_module(f"{kerascnn.export.__name__}.registered")  # simulations of int8 load as well
    path = readable_file(path, most=MOST_BYTES)
    _refuse_bomb(path, safe_mode=not trust)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of weights that are missing: then it raises as well
            return keras.models.load_model(path, compile=False, safe_mode=not trust)
    except Exception as error:  # zip, h5, JSON and Keras raise a dozen kinds
        reason = str(error).strip()
        if "safe_mode" in reason or "unsafe" in reason:
            raise UserError(
                f"{path}: carries Python code (a Lambda layer), which loading it would run; "
                "if you trust whoever made it: --trust, where a verb takes .keras files"
            ) from None
        if missing := re.search(r"Could not locate (class|function) '([^']*)'", reason):
            raise UserError(
                f"{path}: the {missing[1]} {missing[2]!r} is not part of Keras; load it where the "
                "module that defines and registers it is imported: --code FILE.py, where a verb "
                "takes .keras files"
            ) from None
        what = reason.splitlines()[0][:200] if reason else type(error).__name__
        way_out = f"; {AS_KERAS}" if path.suffix in HDF5 else ""
        raise UserError(f"{path}: not a Keras model that can be loaded: {what}{way_out}") from None


def _refuse_bomb(path, *, safe_mode):
    """UserError for a file that would take far more memory than it has bytes.

    It may unpack to a multiple of itself, or name layers with weights that are not in it.
    """
    from kerascnn.models.graph import needed_bytes

    is_hdf5 = path.suffix in HDF5
    architecture, unpacked = contents(path) if is_hdf5 else _archived(path)
    size = path.stat().st_size
    if unpacked > max(LIKELY_BYTES, MOST_EXPANSION * size):
        raise UserError(
            f"{path}: {size:,} bytes that unpack to {unpacked:,}: "
            "not a Keras model that can be loaded"
        )
    needed = needed_bytes(architecture, safe_mode=safe_mode, legacy=is_hdf5)
    if needed > max(LIKELY_BYTES, MOST_PACKING * unpacked):
        raise UserError(
            f"{path}: holds {unpacked:,} bytes, and its layers take weights of {needed:,}: "
            "not a Keras model that can be loaded"
        )


def _archived(path):
    """(the JSON of the model in a .keras file, bytes that it unpacks to)."""
    size = path.stat().st_size
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
            if unpacked > max(LIKELY_BYTES, MOST_EXPANSION * size):
                return "", unpacked
            return archive.read("config.json"), unpacked
    except (OSError, ValueError, KeyError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise UserError(f"{path}: not a Keras model that can be loaded: {error}") from None

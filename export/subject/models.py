"""A model by itself, without samples: of a run, of a file, or a registered network."""

import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras

from kerascnn.errors import UserError, unknown
from kerascnn.models import build, models, normalized, preprocessing, variant
from kerascnn.models.another_size import at_size
from kerascnn.models.graph import functional, traced
from kerascnn.models.weights.imagenet import CLASSES, imagenet_classes
from kerascnn.training import MODEL_FILES, Run, load_model, open_run, refuse_not_finite

from ..integer_form.names import refuse_layer_names
from .meaning import pixel_inputs


@dataclass(frozen=True)
class Opened:
    """A run or a model file without samples.

    pixels: for each input whether it takes them. labels: names of the classes, or None. resize:
    how images come to the size of the input. called: what messages call it. run: or None. crops:
    how it is meant to be shown pictures, as in `kerascnn.evaluation.scores`.
    """

    model: keras.Model
    pixels: tuple[bool, ...]
    labels: tuple[str, ...] | None
    resize: str
    called: Path
    run: Run | None = None
    crops: str | None = None


def open_model(
    source: Any,
    *,
    trust: bool = False,
    code: Path | None = None,
    weights: str | None = None,
    size: tuple[int, int] | None = None,
) -> Opened:
    """Opens a run, a model file or a registered network, for who needs no samples of it.

    Args:
        source: as in `open_subject`, or the name of a network.
        weights: of a network: "imagenet" or a file, as in `kerascnn.build`.
        size: (height, width) of the images it shall take, instead of its own.

    Raises:
        UserError: nothing that can be opened, or that does not fit images of that size.
    """
    if is_network(source):
        if trust or code:
            raise UserError(f"{source}: --trust and --code are for a .keras file")
        return _of_network(str(source), weights, size)
    if weights is not None:
        if not Path(source).exists():
            raise unknown("network", source, models())
        raise UserError(f"{source}: has its weights; --weights is for a network by its name")
    if is_model_file(source):
        with classes_of(code):
            model = model_of_file(Path(source), trust)
        opened = Opened(model, pixel_inputs(model), None, "stretch", Path(source))
    elif trust or code:
        raise UserError(f"{source}: --trust and --code are for a .keras file")
    else:
        opened = model_of_run(open_run(source))
    return replace(opened, model=at_size(opened.model, size)) if size else opened


def is_network(source: Any) -> bool:
    """Whether this is the name of a registered network, and no run of that name stands here."""
    return isinstance(source, str | Path) and str(source) in models() and not Path(source).exists()


def _of_network(name, weights, size):
    """A network with the weights that people have, for raw pixels."""
    if weights is None:
        raise UserError(
            f"{name}: a network without weights says nothing of images; --weights imagenet, or "
            "FILE.safetensors or FILE.h5"
        )
    own = variant(name).row.input_shape
    shape = None if size is None else (*size, own[2])
    network = build(name, input_shape=shape, weights=weights)
    model = normalized(network, preprocessing(name, weights))
    classes = variant(name).row.num_classes
    labels = tuple(c.name for c in imagenet_classes()) if classes == CLASSES else None
    return Opened(model, (True,), labels, "stretch", Path(name), crops="center")


def is_model_file(source: Any) -> bool:
    """Whether this is the path of a model that Keras saved, .keras or HDF5."""
    return isinstance(source, str | Path) and Path(source).suffix in MODEL_FILES


def is_of_run(path: Path) -> bool:
    """Whether a .keras file is the model of a run, which its folder stands for."""
    return path.name == "model.keras" and (path.parent / "run.json").exists()


def model_of_run(run: Run) -> Opened:
    """The model of a run; UserError where it does not fit what run.json says."""
    model, called = run.model(), run.path / "model.keras"
    shape = tuple(functional(model).outputs[0].shape)[1:]
    dense = run.config.data.targets == "masks" and shape[:2] == tuple(run.facts["input_shape"])[:2]
    if shape[2 if dense else 0 :] != (len(run.labels),):
        raise UserError(
            f"{called}: expected outputs of (n, {len(run.labels)}), one a label "
            f"of run.json, got {('n', *shape)}; train the run again"
        )
    taken, images = tuple(functional(model).inputs[0].shape[1:]), tuple(run.facts["input_shape"])
    if taken != images:
        raise UserError(
            f"{called}: cannot be run on images of {images}, as run.json says: it takes {taken}; "
            "train the run again"
        )
    return Opened(model, (True,), tuple(run.labels), run.facts["resize"], called, run)


def model_of_file(path: Path, trust: bool) -> keras.Model:
    """The model of a file; UserError where it is that of a run, or takes what no file can."""
    if is_of_run(path):
        raise UserError(f"{path}: is the model of a run; give the folder, {path.parent}")
    model = traced(load_model(path, trust=trust))
    refuse_layer_names(model)
    for end in functional(model).inputs:
        if end.dtype not in ("float32", "uint8", "float16", "bfloat16"):
            raise UserError(f"{path}: takes {end.dtype}, expected float32 or uint8")
    refuse_not_finite(model, path)
    return model


@contextmanager
def classes_of(code: Path | None) -> Iterator[None]:
    """Inside, Keras knows the classes of a Python file, registered or not.

    The folder of the file is on the path while it is run, as if it had been started itself.
    """
    if code is None:
        yield
        return
    path = Path(code)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise UserError(f"{path}: expected a Python file that defines layers")
    module = importlib.util.module_from_spec(spec)
    folder = str(path.resolve().parent)
    sys.path.append(folder)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # it is the user's own program
        raise UserError(f"{path}: raises {type(error).__name__}: {error}") from None
    finally:
        sys.path.remove(folder)
    named = {k: v for k, v in vars(module).items() if callable(v) and not k.startswith("_")}
    own = {k: v for k, v in named.items() if getattr(v, "__module__", None) == path.stem}
    with keras.saving.custom_object_scope(own):
        yield

"""The file that is debugged, and how it leads back to its run, its recipe and its simulation."""

from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from kerascnn.config import parse, read_yaml
from kerascnn.errors import UserError
from kerascnn.training import Run, open_run

from ..delivery.compress import prepared
from ..delivery.own_model import classes_of, prepare
from ..proof.own_verification import source_of
from ..proof.sheet import read_sheet
from ..quantization.calibration import drawn
from ..quantization.quantized_layers import is_int8
from ..recipes.recipe import Recipe, load_recipe, shipped_recipes
from ..runtimes.engines import BY_SUFFIX


@dataclass(frozen=True)
class Subject:
    """path: the file; it need not exist. data: the run's, from data_dir. trained: its model.
    simulated: the int8 model behind the file.
    """

    path: Path
    run: Run
    recipe: Recipe
    data: object
    trained: keras.Model
    simulated: keras.Model
    data_dir: Path | None

    @property
    def kind(self):
        """The format: "tflite" or "onnx"."""
        return self.path.suffix[1:]

    def sample(self, count):
        """(images, labels) of `count` validation images, drawn evenly: uint8, (n,)."""
        split = self.data.validation
        chosen = split.take(drawn(len(split), count))
        return self.data.pixels(chosen), chosen.labels


@dataclass(frozen=True)
class OwnSubject:
    """A model that was not trained here. simulated: its int8 form. images: (n, ...), unlabelled."""

    path: Path
    simulated: keras.Model
    images: np.ndarray

    def sample(self, count):
        """(`count` of the images, drawn evenly, None for their labels)."""
        return self.images[drawn(len(self.images), count)], None


def open_subject(path, *, recipe=None, data_dir=None, images=None, trust=False, code=None):
    """Finds what stands behind an int8 file.

    A file that `kerascnn convert` refused to keep is not there, and just that one asks for an
    explanation: then its name leads to the recipe, or `recipe` says it.

    Args:
        path: a .tflite or .onnx file in a run folder, or where it would stand; a .keras file that
            was not trained here, or a file of it.
        recipe: a recipe's name or file, where the file is missing and its name does not decide.
        data_dir: as in `train`.
        images, trust, code: of a .keras file, as in `deliver_own`.

    Returns:
        A `Subject`, or an `OwnSubject`.

    Raises:
        UserError: no int8 file, no run around it, or a recipe that is not known.
    """
    path, source = Path(path), None
    if path.suffix not in (*BY_SUFFIX, ".keras"):
        raise UserError(f"{path}: expected a .tflite, an .onnx or a .keras file")
    if path.suffix == ".keras":
        if recipe is None:
            raise UserError(f"{path}: say --recipe NAME for what makes int8 of it")
        source, found = path, load_recipe(recipe)
    elif path.is_file():
        sheet = read_sheet(path)
        found = parse(Recipe, sheet["recipe"], path)
        if "source" in sheet:
            source, _ = source_of(path, sheet["source"])
    else:
        found = load_recipe(recipe) if recipe else _by_name(path)
    if found.method not in ("qat", "static"):
        raise UserError(
            f"{path}: made by the recipe {found.name}, which rounds no activations to int8; "
            "debug explains files of the methods 'static' and 'qat'"
        )
    if source is not None:
        with classes_of(code):
            made = prepare(source, found, images=images, trust=trust)
        return OwnSubject(path, made.model, made.inputs)
    if images or trust or code:
        raise UserError(f"{path}: --images, --trust and --code are for a .keras file")
    run = open_run(path.parent)
    data = run.data(data_dir)
    trained = run.model()
    simulated = prepared(trained, run, found, data)
    if not is_int8(simulated):
        raise UserError(f"{path}: the model behind it simulates no int8; compress the run again")
    return Subject(path, run, found, data, trained, simulated, data_dir)


def _by_name(path):
    """The recipe of a file that is not there, by the name that it would have."""
    wanted = path.stem.removeprefix("model_")
    if not path.parent.is_dir():
        raise UserError(f"no such file: {path}")
    own = [parse(Recipe, read_yaml(p), p) for p in sorted(path.parent.glob("*/recipe.yaml"))]
    fitting = [r for r in own if r.artifact == wanted]
    if not fitting:
        shipped = [load_recipe(name) for name in shipped_recipes()]
        fitting = [r for r in shipped if r.artifact == wanted and not r.compresses]
    if len(fitting) != 1:
        reason = ", ".join(r.name for r in fitting) or "no recipe writes it"
        raise UserError(
            f"no such file: {path} ({reason}); say --recipe NAME for what would make it"
        )
    return fitting[0]

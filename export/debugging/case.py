"""The int8 file that is debugged, and how it leads back to its subject and its simulation."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kerascnn.config import parse, read_yaml
from kerascnn.errors import UserError

from ..conversion.convert import convert
from ..delivery.preparation import prepared
from ..delivery.verify import behind
from ..proof.reference import Reference
from ..recipes.recipe import Recipe, load_recipe, shipped_recipes
from ..runtimes.engines import BY_SUFFIX
from ..subject.models import is_model_file, is_of_run
from ..subject.opening import open_subject
from ..subject.samples import Samples
from ..subject.subject import Subject, chosen


@dataclass(frozen=True)
class Case:
    """path: of the file; it need not exist. reference: the simulation behind it, its subject and
    its recipe."""

    path: Path
    reference: Reference

    @property
    def subject(self) -> Subject:
        return self.reference.subject

    @property
    def recipe(self) -> Recipe:
        return self.reference.recipe

    @property
    def kind(self) -> str:
        """The format: "tflite" or "onnx"."""
        return self.path.suffix[1:]

    @property
    def meaning(self) -> str | None:
        """Of the output, where there is one alone."""
        meanings = self.subject.meanings
        return meanings[0] if len(meanings) == 1 else None

    def tflite(self) -> bytes:
        """The bytes of the .tflite file, written anew where it is not there or is an .onnx."""
        if self.kind == "tflite" and self.path.is_file():
            return self.path.read_bytes()
        return convert(self.reference.model, "tflite", pixels=self.subject.pixels)

    def sample(self, count: int) -> Samples:
        """`count` of the samples, drawn evenly."""
        samples = Samples(tuple(self.reference.inputs), self.subject.samples.targets)
        return samples.take(chosen(len(samples), count))


def open_case(source: Any, evidence: Any = None, *, recipe: Any = None, **about: Any) -> Case:
    """Finds what stands behind an int8 file, or makes it of a model.

    A file that `kerascnn convert` refused to keep is not there, and just that one asks for an
    explanation: then its name leads to the recipe, or `recipe` says it.

    Args:
        source: a .tflite or .onnx file, or where it would stand in the folder of a run; a .keras
            file or a Keras model.
        evidence: of a model, what to measure on; see `samples_of`.
        recipe: a recipe's name or file: of a float model, and where the file is missing and its
            name does not decide.
        about: as in `open_subject`.

    Raises:
        UserError: no int8 file, no model behind it, or a recipe that is not known.
    """
    if isinstance(source, str | Path) and Path(source).suffix in BY_SUFFIX:
        path = Path(source)
        if path.is_file():
            subject, found = behind(path, None, evidence, **about)
        else:
            found = load_recipe(recipe) if recipe else _by_name(path)
            subject = open_subject(path.parent, **about)
    else:
        if isinstance(source, str | Path) and not is_model_file(source):
            raise UserError(f"{source}: expected a .tflite, an .onnx or a .keras file")
        if isinstance(source, str | Path) and is_of_run(Path(source)):
            file = Path(source).with_name("model_int8_static.tflite")
            raise UserError(f"{source}: is the model of a run; give a file of it, as {file}")
        subject = open_subject(source, evidence, **about)
        path = subject.folder / f"{subject.stem}.tflite"
        found = load_recipe(recipe) if recipe else None
    if found is not None and found.method not in ("qat", "static"):
        raise UserError(
            f"{path}: made by the recipe {found.name}, which rounds no activations to int8; "
            "debug explains files of the methods 'static' and 'qat'"
        )
    reference = prepared(subject, found)
    if not reference.simulates:
        way_out = (
            "say --recipe NAME for what makes int8 of it"
            if found is None
            else ("compress the run again")
        )
        raise UserError(f"{source}: the model behind it simulates no int8; {way_out}")
    return Case(path, reference)


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

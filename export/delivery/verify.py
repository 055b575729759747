"""An artifact again: run, and compared with the model that its metadata names."""

from pathlib import Path
from typing import Any

from kerascnn.config import parse
from kerascnn.errors import UserError

from ..proof.checks import Verdict
from ..proof.metadata import metadata_path, read_metadata
from ..proof.reference import AS_IT_IS
from ..proof.verification import judge
from ..recipes.recipe import Recipe
from ..runtimes import Artifact
from ..subject.opening import open_subject, sha256_of
from ..subject.subject import Subject
from .preparation import prepared


def verify(path: str | Path, model: Any = None, evidence: Any = None, **about: Any) -> Verdict:
    """Runs an artifact again and compares it with its model.

    Args:
        path: a .tflite or .onnx file that `deliver` wrote.
        model: what it was made of, where that does not stand beside it: a Keras model, a .keras
            file, or a run.
        evidence: for a Keras model or a .keras file, what to compare on; see `samples_of`.
        about: as in `deliver`: data_dir, images, trust, code and what describes a model.

    Returns:
        The `Verdict`.

    Raises:
        UserError: a file that no engine loads, that changed, or whose model is not at hand.
    """
    path = Path(path)
    with Artifact(path) as artifact:
        subject, recipe = behind(path, model, evidence, **about)
        return judge(artifact, prepared(subject, recipe))


def behind(
    path: Path, model: Any = None, evidence: Any = None, **about: Any
) -> tuple[Subject, Recipe | None]:
    """(the `Subject` that an artifact was made of, its `Recipe` or None), by its metadata."""
    facts = read_metadata(path)
    recipe = parse(Recipe, facts["recipe"], metadata_path(path))
    source = facts.get("source")
    compared = source.get("compared_on") if isinstance(source, dict) else None
    if not isinstance(source, dict) or not isinstance(compared, dict):
        raise UserError(f"{path}: its metadata does not say what it was made of; convert it again")
    if model is None:
        model = _beside(path, source)
    elif "sha256" in source and isinstance(model, str | Path):
        _refuse_another(Path(model), path, source)
    given = evidence is not None or about.get("images") is not None
    if "file" in source and not given and "seed" not in compared:
        raise UserError(
            f"{path}: was compared on images of {compared.get('from')!r}; give them with --images"
        )
    subject = open_subject(model, evidence, **about)
    if subject.run is None and subject.origin["sha256"] != compared.get("sha256"):
        other = about.get("images") or "the evidence"
        raise UserError(f"{other}: not the samples that {path} was compared on")
    return subject, None if recipe.name == AS_IT_IS.name else recipe


def _beside(path, source):
    """The run or the .keras file beside an artifact that its metadata names."""
    if "run" in source:
        return path.parent
    name = source.get("file")
    if not isinstance(name, str) or not name:
        raise UserError(f"{path}: was made of a model in Python; give it, and what to compare on")
    if name != Path(name).name:
        raise UserError(f"{metadata_path(path)}: names a model elsewhere; give it with --model")
    model = path.parent / name
    if not model.exists():
        raise UserError(f"{model} is missing: the model that {path} was made of; give it: --model")
    _refuse_another(model, path, source)
    return model


def _refuse_another(model, path, source):
    if sha256_of(model) != source.get("sha256"):
        raise UserError(f"{model}: not the file that {path} was made of; convert it again")

"""From a subject to verified files: converted, run, compared, and only then given their names."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kerascnn.errors import UserError
from kerascnn.files import replacing, writable_folder

from ..conversion.convert import convert
from ..conversion.formats import FORMATS, refuse_formats
from ..conversion.tflite import METHODS
from ..proof.card import remove_metadata_and_card, write_metadata_and_card
from ..proof.checks import Verdict
from ..proof.description import describe, size_of
from ..proof.metadata import refuse_to_replace
from ..proof.reference import AS_IT_IS, Reference
from ..proof.verification import judge
from ..quantization.quantized_layers import is_int8
from ..recipes.recipe import Recipe, load_recipe
from ..recipes.stages import SIMULATED
from ..runtimes import Artifact
from ..runtimes.engines import ENGINES, engine_of_format
from ..subject.opening import open_subject
from ..subject.subject import Subject
from .preparation import prepared


@dataclass(frozen=True)
class Delivery:
    """path: where the file stands, or would stand had it passed. verdict: what was found; None
    where the format refused the model. engine: that ran it. error: why it was refused, or None."""

    path: Path
    verdict: Verdict | None
    engine: str
    error: str | None = None

    @property
    def passed(self) -> bool:
        """Whether the file agrees with its model."""
        return self.verdict is not None and self.verdict.passed


class DeliveryError(UserError):
    """A file was refused or differs from its model. deliveries: a `Delivery` for each file."""

    def __init__(self, deliveries: Sequence[Delivery]) -> None:
        self.deliveries = list(deliveries)
        super().__init__("; ".join(_reason(d) for d in deliveries if not d.passed))


class _Rejected(Exception):
    """Leaves `replacing` without the renaming."""

    def __init__(self, delivery: Delivery) -> None:
        super().__init__(delivery)
        self.delivery = delivery


def deliver(
    source: Any,
    files: Sequence[str | Path],
    *,
    recipe: str | Path | Recipe | None = None,
    evidence: Any = None,
    batch: int | None = 1,
    io: str | None = None,
    opset: int | None = None,
    out: str | Path | None = None,
    accept: bool = False,
    **about: Any,
) -> list[Delivery]:
    """Converts a model, runs the files, and keeps those that prove equal to it.

    What a recipe does without training is done here; what trains comes before: `export.quantize`
    and your own `fit`, or `export.compress` for a run.

    Args:
        source: a Keras model, the path of a .keras file, a run or the path of its folder.
        files: paths that end in .tflite or .onnx; or the formats alone, "tflite" and "onnx", for
            files beside the source that are called as it and the recipe.
        recipe: a `Recipe`, the name of one that ships, or the path of its YAML file. None converts
            the model as it is: to int8 if it simulates that, else to float32.
        evidence: for a model or a .keras file, what the files are compared on; see `samples_of`.
            With targets, what a file loses of the metric decides. None compares on noise, which the
            verdict says. A run brings its validation images.
        batch: inputs at a time; None for any number.
        io, opset: of .tflite files, and of .onnx files; see `export.convert`.
        out: the folder for files of which only the format is given.
        accept: keep a file that fell short; its metadata says so.
        about: as `open_subject` takes it: data_dir, images, trust, code; pixels, meanings, labels,
            metric, mode, calibration.

    Returns:
        A `Delivery` for each file.

    Raises:
        DeliveryError: a file that the format refuses, or that differs; it is not there. The other
            files are.
        UserError: what does not fit.
    """
    subject = open_subject(source, evidence, **about)
    deliveries = attempt(
        subject, files, recipe=recipe, batch=batch, io=io, opset=opset, accept=accept, out=out
    )
    if not all(delivery.passed or accept for delivery in deliveries):
        raise DeliveryError(deliveries)
    return deliveries


def attempt(
    subject: Subject,
    files: Sequence[Path | str],
    *,
    recipe: Recipe | Path | str | None = None,
    batch: int | None = 1,
    io: str | None = None,
    opset: int | None = None,
    accept: bool = False,
    out: Path | str | None = None,
) -> list[Delivery]:
    """What `deliver` does for a `Subject`, with a `Delivery` for each file that failed as well.

    out: the folder that files go to where only their formats are given.
    """
    recipe = None if recipe is None else load_recipe(recipe)
    paths = _paths(subject, files, recipe, out)
    method = recipe.method if recipe else None
    kinds = list(dict.fromkeys(path.suffix[1:] for path in paths))
    refuse_formats(method, kinds, batch=batch, io=io, opset=opset)
    if io not in (None, "float32") and method not in SIMULATED and not is_int8(subject.model):
        raise UserError(
            f"{recipe.name if recipe else subject.name}: io {io!r} is a choice of int8 files, "
            "which it makes none"
        )
    for path in paths:
        refuse_to_replace(path, (recipe or AS_IT_IS).name)
    reference = prepared(subject, recipe)
    for path in paths:
        writable_folder(path.parent)
    options = {"batch": batch, "io": io, **_converter_options(subject, recipe)}
    return [
        _delivered(reference, path, accept, opset if path.suffix == ".onnx" else None, options)
        for path in paths
    ]


def _paths(subject, files, recipe, out):
    """The paths of the files, in their order."""
    if isinstance(files, str | Path):
        files = [files]
    folder = Path(out or subject.folder)
    artifact = recipe.artifact if recipe else "int8" if is_int8(subject.model) else "float32"
    found = []
    for file in files:
        path = Path(file)
        if not path.suffix and str(file) == path.name:
            path = folder / f"{subject.stem}_{artifact}.{file}"
        if path.suffix[1:] not in FORMATS:
            raise UserError(
                f"{path}: expected a file that ends in .tflite or .onnx, or one of the formats "
                f"{', '.join(FORMATS)}"
            )
        found.append(path)
    if not found:
        raise UserError("expected the files to write, or their formats, got none")
    return found


def _delivered(reference, path, accept, opset, options):
    kind = path.suffix[1:]
    try:
        content = convert(
            reference.model, kind, opset=opset, pixels=reference.subject.pixels, **options
        )
    except UserError as error:
        return Delivery(path, None, ENGINES[engine_of_format(kind)].title, str(error))
    return keep(path, content, reference, accept=accept)


def keep(path: Path, content: bytes, reference: Reference, *, accept: bool = False) -> Delivery:
    """Runs a file under a hidden name; gives it its own, its metadata and its card, if it passes.

    Until then what stood there stays. A file that differs is told, and what stood there, which is
    no longer that of the model, goes.

    Raises:
        UserError: an engine that refuses the file or dies of it; what stood there stays.
    """
    try:
        with replacing(path) as temporary, ThreadPoolExecutor(1) as beside:
            temporary.write_bytes(content)
            size = beside.submit(size_of, temporary)  # while the file runs
            with Artifact(temporary, name=path) as artifact:
                verdict = judge(artifact, reference)
                delivery = Delivery(path, verdict, artifact.title)
                if not verdict.passed and not accept:
                    raise _Rejected(delivery)
                metadata = describe(size.result(), artifact, reference, verdict)
        write_metadata_and_card(path, metadata)
        return delivery
    except _Rejected as rejected:
        remove_metadata_and_card(path)
        path.unlink(missing_ok=True)
        return rejected.delivery


def _reason(delivery):
    if delivery.verdict is None:
        return f"{delivery.path}: {delivery.error}"
    failed = [check for check in delivery.verdict.checks if not check.passed]
    told = ", ".join(f"{c.name} {c.measured:.6g}, {c.comparison} {c.limit:g} asked" for c in failed)
    return f"{delivery.path}: differs from its model: {told}"


def _converter_options(subject, recipe):
    """What `convert` is told beside the model: the method, where the converter quantizes."""
    if recipe is None or recipe.method not in METHODS:
        return {}
    calibration, samples = recipe.quantization.calibration, None
    if calibration:
        if subject.calibration is None:
            raise UserError(
                f"{recipe.name}: takes ranges from images that the model was made for: "
                "--images FOLDER or FILE.npz"
            )
        samples = subject.calibration(calibration.images, calibration.seed)
    return {"method": recipe.method, "samples": samples}

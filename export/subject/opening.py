"""Three ways to a subject: a run, a model file, a model in Python. Only here they differ."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from kerascnn.data import Data
from kerascnn.errors import UserError
from kerascnn.evaluation import mean_iou
from kerascnn.models.graph import output_names
from kerascnn.training import Run, open_run

from .images import samples_from
from .meaning import asked_pixels
from .metric import Metric, metric_of
from .models import classes_of, is_model_file, model_of_file, model_of_run
from .samples import Samples
from .subject import Subject, chosen, described, subject_of_model


def open_subject(
    source: Any,
    evidence: Any = None,
    *,
    data_dir: str | Path | None = None,
    images: str | Path | None = None,
    trust: bool = False,
    code: Path | None = None,
    **about: Any,
) -> Subject:
    """Opens what is to be compressed, delivered, verified or debugged.

    Args:
        source: a run (`Run`, or the path of its folder), a .keras file, a Keras model, or a
            `Subject`, which is given back.
        evidence: for a model or a .keras file, what files are compared on; see `samples_of`.
        data_dir: for a run, as in `train`.
        images: for a .keras file, the path of what it is calibrated and compared on; see
            `samples_from`.
        trust: load Lambda layers of a .keras file, which are Python code inside it.
        code: a Python file with the classes of a .keras file; it is run.
        about: for a model or a file, what `subject_of_model` takes: pixels, meanings, labels,
            metric, mode, and for a model calibration.

    Raises:
        UserError: nothing that can be opened, or what does not fit it.
    """
    if isinstance(source, Subject):
        return source
    if isinstance(source, keras.Model):
        return subject_of_model(source, evidence, **about)
    if not is_model_file(source):
        if images or trust or code:
            raise UserError(f"{source}: --images, --trust and --code are for a .keras file")
        if evidence is not None:
            raise UserError(
                f"{source}: a run is compared on its own validation images; evidence is "
                "for a model or a .keras file"
            )
        return subject_of_run(open_run(source), data_dir)
    with classes_of(code):
        return subject_of_file(Path(source), evidence, images, trust=trust, **about)


def subject_of_run(run: Run, data_dir: str | Path | None = None) -> Subject:
    """A run: compared on its validation images, calibrated on its training images."""
    data = run.data(data_dir)
    samples = Samples((data.pixels(data.validation),), (data.targets(data.validation),))
    opened = model_of_run(run)
    names = output_names(opened.model)
    dense = data.config.targets == "masks"
    metric = Metric("mean IoU", lambda y, t: mean_iou(y[0], t[0]), rises=True) if dense else None
    meanings = ("numbers" if dense else "classes",)
    return Subject(
        model=opened.model,
        samples=samples,
        calibration=training_samples(data),
        pixels=opened.pixels,
        meanings=meanings,
        labels=None if dense else opened.labels,
        metric=metric_of(metric, meanings, names),
        origin=described(samples, "the validation images of the run"),
        source={"run": run.config.model.name},
        facts={"resize": opened.resize, "evaluate": run.config.data.evaluate},
        run=run,
        data=data,
        folder=run.path,
        called=opened.called,
    )


def training_samples(data: Data) -> Callable[[int, int], Samples]:
    """(count, seed) -> so many of the training images of a run, not augmented."""

    def drawn(count, seed):
        split = data.train.take(chosen(len(data.train), count, seed))
        return Samples((data.pixels(split),), (data.targets(split),))

    return drawn


def subject_of_file(
    path: Path,
    evidence: Any = None,
    images: str | Path | None = None,
    *,
    trust: bool = False,
    pixels: bool | tuple[bool, ...] | None = None,
    **about: Any,
) -> Subject:
    """A model file: calibrated and compared on `evidence` or `images`; without, on noise."""
    if evidence is not None and images is not None:
        raise UserError(f"{path}: evidence and images are two answers to one question; give one")
    model = model_of_file(path, trust)
    if images is not None:
        pixels = asked_pixels(model, pixels)
        evidence = samples_from(Path(images), model, pixels)
        about = {"source": Path(images).name, "count": None, **about}
    about = {"folder": path.parent, "stem": path.stem, **about}
    subject = replace(
        subject_of_model(model, evidence, pixels=pixels, **about),
        source={"file": path.name, "sha256": sha256_of(path)},
        called=path,
    )
    if not all(np.isfinite(y).all() for y in subject.outputs):
        raise UserError(f"{path}: its outputs are not finite; look at its weights")
    return subject


def sha256_of(path: Path) -> str:
    """The sha256 of a file, in hexadecimal digits."""
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        raise UserError(f"{path} is missing: the model that the artifact was made of") from None

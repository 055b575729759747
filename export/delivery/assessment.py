"""How often classifiers are right, alone or together: one pass over the images, one result."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kerascnn.errors import UserError
from kerascnn.evaluation import (
    ArrayPictures,
    Evaluation,
    FilePictures,
    Pictures,
    averaged,
    classification,
    keep_evaluation,
    labelled_images,
    log_probabilities,
    logits_of,
    pictures_of,
    scores,
)

from ..subject.labelled import labelled_arrays, refuse_images
from .classifier import Classifier


@dataclass(frozen=True)
class Evidence:
    """Pictures and the class of each, (n,). split: "test" or "validation" of the first
    classifier's run, else None. names: of the classes where the images say them; told: a line on
    what they are. arrays: whether they are what a model takes, and no pictures of any size."""

    pictures: Pictures
    labels: np.ndarray
    split: str | None = None
    names: tuple[str, ...] | None = None
    told: str = ""
    arrays: bool = False


@dataclass(frozen=True)
class View:
    """How pictures are shown. crops: a name of `kerascnn.evaluation.PLANS`, "whole" for pictures
    brought to the size of the input, None for what each classifier is meant for. scales: pixels
    of the short side."""

    crops: str | None = None
    scales: tuple[int, ...] | None = None

    def of(self, classifier: Classifier, evidence: Evidence) -> str | None:
        """The crops that a classifier is shown; None for whole pictures, as arrays are meant."""
        meant = None if evidence.arrays else classifier.crops
        chosen = meant if self.crops is None else self.crops
        return None if chosen == "whole" else chosen


@dataclass(frozen=True)
class Assessment:
    """logs: log-probabilities of the pictures of `evidence`, (n, classes). names: of the classes.
    fitted_on: how many images the temperature was fitted on."""

    evaluation: Evaluation
    logs: np.ndarray
    evidence: Evidence
    names: tuple[str, ...]
    fitted_on: int = 0


def evidence_for(
    classifier: Classifier,
    *,
    folder: Path | None = None,
    images: Path | None = None,
    split: str = "test",
    data_dir: Path | None = None,
    truth: Path | None = None,
    numbering: str | None = None,
) -> Evidence:
    """What a classifier is evaluated on: a folder, an .npz file, or a split of its run.

    truth, numbering: of a folder; see `labelled_images`.

    Raises:
        UserError: nothing to evaluate on, or what does not fit.
    """
    ends, called = classifier.ends, classifier.called
    if folder is not None:
        refuse_images(ends, called)
        found = labelled_images(
            folder,
            classes=ends.classes,
            called=called,
            labels=ends.labels,
            truth=truth,
            numbering=numbering,
        )
        return Evidence(
            FilePictures(found.paths, classifier.transforms),
            found.labels,
            None,
            found.names,
            found.told,
        )
    if truth or numbering:
        raise UserError("--truth and --numbering say what the images of --data FOLDER show")
    if images is not None:
        inputs, numbers = labelled_arrays(images, ends)
        return Evidence(ArrayPictures(inputs), numbers, arrays=True)
    if classifier.run is None:
        raise UserError(
            f"{called}: expected images with labels: --data FOLDER, or --images FILE.npz"
        )
    data = classifier.run.data(data_dir)
    part = getattr(data, split)
    return Evidence(pictures_of(data, part), np.asarray(part.labels, np.int64), split)


def assess(
    classifiers: Sequence[Classifier],
    evidence: Evidence,
    view: View,
    *,
    fit_on: Evidence | None = None,
    data_dir: Path | None = None,
) -> Assessment:
    """Evaluates classifiers together: the average of their probabilities.

    Of a run itself, alone and shown its whole test images, RUN/evaluation.json keeps the figures.

    Args:
        fit_on: what the temperature is fitted on, if it shall be.

    Raises:
        UserError: classifiers of different classes, or what cannot be shown so.
    """
    first = classifiers[0]
    for other in classifiers[1:]:
        _refuse_others(first, other)

    def logs_of(shown):
        return averaged([_logs(c, shown, view, data_dir) for c in classifiers])

    fitted_on = None if fit_on is None else (logs_of(fit_on), fit_on.labels)
    logs = logs_of(evidence)
    result = classification(logs, evidence.labels, fitted_on=fitted_on)
    plain = first.is_run and len(classifiers) == 1 and view.of(first, evidence) is None
    if plain and first.run and evidence.split == "test":
        keep_evaluation(first.run.path, result)
    names = first.ends.labels or evidence.names or first.labels
    return Assessment(result, logs, evidence, names, len(fit_on.labels) if fit_on else 0)


def _logs(classifier, evidence, view, data_dir):
    crops = view.of(classifier, evidence)
    if crops is None and view.scales:
        raise UserError("--scales are of crops; say which with --crops")
    if crops is None and evidence.split and classifier.is_run:
        data = classifier.run.data(data_dir)  # as it was validated in training
        batches = data.batches(getattr(data, evidence.split))
        return log_probabilities(logits_of(classifier.run, batches))
    if crops is not None or not evidence.arrays:
        refuse_images(classifier.ends, classifier.called)
    return scores(classifier.predictor, evidence.pictures, crops, view.scales)


def _refuse_others(first, other):
    names = first.ends.labels, other.ends.labels
    if first.ends.classes != other.ends.classes or (None not in names and names[0] != names[1]):
        raise UserError(
            f"{other.called}: has other classes than {first.called}; an ensemble averages "
            "probabilities of the same ones, in the same order"
        )

"""What answers images with classes: a run, a model file or an artifact, behind one face."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kerascnn.config import Transform
from kerascnn.errors import UserError
from kerascnn.evaluation import FilePictures, Predictor, predictions, ranked, scores
from kerascnn.models.graph import functional
from kerascnn.training import Run, open_run

from ..conversion.freeze import gives_probabilities
from ..proof.description import are_pixels
from ..proof.metadata import metadata_path, read_metadata
from ..proof.reference import as_taken
from ..proof.resizing import resize_of
from ..proof.schemas import Interface, validated
from ..proof.verification import in_values
from ..runtimes import Artifact
from ..runtimes.engines import BY_SUFFIX
from ..subject.labelled import Ends, refuse_images
from ..subject.models import open_model


@dataclass(frozen=True)
class Classifier:
    """called: what messages call it. ends: what it takes and gives. predictor: what answers. run:
    that it was made in, or None. is_run: whether it is the model of the run itself, at its own
    size. crops: how it is meant to be shown pictures, as in `scores`. told: the transforms that the
    metadata of an artifact tells of."""

    called: Path
    ends: Ends
    predictor: Predictor
    run: Run | None = None
    is_run: bool = False
    crops: str | None = None
    told: tuple[Transform, ...] = ()

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the classes; their numbers where nobody says."""
        return self.ends.labels or tuple(map(str, range(self.ends.classes)))

    @property
    def transforms(self) -> tuple[Transform, ...]:
        """What is done to image files before it sees them: as its metadata says, or its run."""
        if self.told:
            return self.told
        if self.run is None or self.ends.shape != tuple(self.run.facts["input_shape"]):
            return ()
        return self.run.config.data.evaluate

    def predict(self, paths: list[Path], top: int) -> list[list[tuple[str, float]]]:
        """For each image file the `top` likeliest labels with their probabilities."""
        refuse_images(self.ends, self.called)
        found = np.exp(scores(self.predictor, FilePictures(paths, self.transforms), self.crops))
        return ranked(found, self.labels, top, probabilities=True)


@contextmanager
def open_classifier(
    source: Path,
    *,
    labels: tuple[str, ...] | None = None,
    trust: bool = False,
    code: Path | None = None,
    weights: str | None = None,
    size: tuple[int, int] | None = None,
) -> Iterator[Classifier]:
    """Opens a run, a model file, a network or an artifact for as long as the block runs.

    Args:
        source: the folder of a run; a .keras or .h5 file; the name of a registered network; a
            .tflite or .onnx file with its metadata.
        labels: names of the classes, where they are not known.
        trust, code: of a model file; see `open_subject`.
        weights: of a network; size: (height, width) of the images; see `open_model`.

    Raises:
        UserError: nothing that can be opened, or that gives no classes.
    """
    if Path(source).suffix in BY_SUFFIX:
        if trust or code or weights or size:
            raise UserError(f"{source}: --trust, --code, --weights and --size are for Keras models")
        with Artifact(source) as artifact:
            yield _of_artifact(Path(source), artifact, labels)
        return
    opened = open_model(source, trust=trust, code=code, weights=weights, size=size)
    graph = functional(opened.model)
    shapes = [tuple(x.shape) for x in graph.outputs]
    classes = _classes(opened.called, len(graph.inputs), shapes)
    shape = tuple(graph.inputs[0].shape[1:])
    yield Classifier(
        called=opened.called,
        ends=Ends(
            shape,
            opened.pixels[0],
            opened.resize,
            _labels(opened.called, opened.labels, labels, classes),
            classes,
        ),
        predictor=Predictor(
            called=opened.called,
            shape=shape,
            answer=lambda x: predictions(opened.model, [x], source=opened.called)[0],
            probabilities=gives_probabilities(opened.model, 0),
            resize=opened.resize,
            model=opened.model,
        ),
        run=opened.run,
        is_run=opened.run is not None and size is None,
        crops=opened.crops,
    )


def _of_artifact(path, artifact, labels):
    facts = read_metadata(path)
    said = validated(Interface, facts, metadata_path(path), "kerascnn convert")
    taken, given_out = said.inputs[0], said.outputs[0]
    source = facts.get("source")
    in_run = isinstance(source, dict) and "run" in source and (path.parent / "run.json").exists()
    classes = _classes(path, len(artifact.inputs), [tuple(y["shape"]) for y in artifact.outputs])
    end, pixels = artifact.inputs[0], are_pixels(taken.values)
    shape: Any = tuple(None if n == -1 else n for n in end["shape"][1:])
    resize, told = resize_of(taken.resize or "")

    def answer(values):
        given = np.rint(values).clip(0, 255) if pixels else values.astype("float32")
        return in_values(artifact.run([as_taken(given, end, pixels)])[0], artifact.outputs[0])

    known = tuple(given_out.labels) or None
    probabilities = given_out.meaning.startswith("probabilities")
    return Classifier(
        called=path,
        ends=Ends(shape, pixels, resize, _labels(path, known, labels, classes), classes),
        predictor=Predictor(path, shape, answer, probabilities, resize),
        run=open_run(path.parent) if in_run else None,
        told=told,
    )


def _classes(called, inputs, shapes):
    """How many classes there are; UserError for what is no classifier of one input."""
    if inputs == 1 and len(shapes) == 1 and len(shapes[0]) == 2 and (shapes[0][1] or 0) > 1:
        return shapes[0][1]
    raise UserError(
        f"{called}: expected one input and one output of (n, classes), got {inputs} inputs and "
        f"outputs of {', '.join(map(str, shapes))}"
    )


def _labels(called, known, given, classes):
    if given is None:
        return known
    if len(given) != classes:
        raise UserError(f"{called}: has {classes} classes, --labels names {len(given)}")
    return given

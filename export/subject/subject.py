"""The one notion of "a Keras model and what proves its files"."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import keras
import numpy as np

from kerascnn.errors import UserError
from kerascnn.evaluation import predictions
from kerascnn.models.graph import functional, output_names, traced
from kerascnn.training import refuse_not_finite

from ..integer_form.names import refuse_layer_names
from .meaning import asked_pixels, meanings_of
from .metric import Metric, metric_of
from .samples import Samples, samples_of

COMPARED = 1024  # samples of an endless or a huge dataset that files are compared on
SYNTHETIC = 64  # samples of noise: enough to compare arithmetic on, not to judge labels


@dataclass(frozen=True)
class Subject:
    """A Keras model and what proves its files.

    model: as its owner has it: float, or with its int8 rounding simulated.
    samples: what files are compared on, with targets where there are any.
    calibration: (count, seed) -> the `Samples` that ranges are taken from; None where there are
        none.
    pixels: for each input whether it is raw pixels, 0..255; files take those as they are.
    meanings: for each output "classes", "numbers", or None where nobody says.
    labels: names of the classes, or None. metric: what a file may not lose, or None.
    origin: for the model card, where the samples are from: {"from", "inputs", "sha256"}, and
        {"seed"} where they are noise.
    source: for the model card, what the model is: {"run"} or {"file", "sha256"}.
    facts: for the model card, what the owner says of the inputs: {"resize", "evaluate"}.
    run: the run that it was trained in, and data: the `Data` of it; or None. folder, stem: where
        its files go by default, and how their names begin. called: what messages call the model,
        as the path of its file; None for its name.
    """

    model: keras.Model
    samples: Samples
    calibration: Callable[[int, int], Samples] | None
    pixels: tuple[bool, ...]
    meanings: tuple[str | None, ...]
    labels: tuple[str, ...] | None = None
    metric: Metric | None = None
    origin: dict = field(default_factory=dict)
    source: dict = field(default_factory=dict)
    facts: dict = field(default_factory=dict)
    run: Any = None
    data: Any = None
    folder: Path = Path()
    stem: str = "model"
    called: Path | None = None

    @property
    def name(self) -> str:
        """Of the network."""
        return self.model.name

    @cached_property
    def outputs(self) -> list[np.ndarray]:
        """What the model gives for its samples, an array an output."""
        return predictions(self.model, self.samples.inputs, source=self.called)

    @property
    def is_noise(self) -> bool:
        """Whether the samples are made up."""
        return "seed" in self.origin

    def figure(self, outputs: list[np.ndarray]) -> float | None:
        """The metric of such outputs; None where there are no targets, or no metric."""
        if self.metric is None or self.samples.targets is None:
            return None
        return self.metric.compute(outputs, self.samples.targets)


def subject_of_model(
    model: keras.Model,
    evidence: Any = None,
    *,
    calibration: Any = None,
    pixels: bool | tuple[bool, ...] | None = None,
    meanings: dict[str, str] | None = None,
    labels: tuple[str, ...] | None = None,
    metric: Any = None,
    mode: str = "auto",
    source: str = "the caller's data",
    count: int | None = COMPARED,
    folder: Path = Path(),
    stem: str = "model",
) -> Subject:
    """The subject that a model and data in Python make.

    Args:
        model: functional or sequential.
        evidence: what files are compared on, anything that `samples_of` takes; None for noise.
        calibration: what ranges are taken from; by default the evidence.
        pixels: for each input, or for all, whether it is raw pixels; by default as
            `pixel_inputs` finds.
        meanings: name of an output -> "classes" or "numbers".
        labels: names of the classes.
        metric, mode: see `metric_of`.
        source: for the model card, where the evidence is from.
        count: samples of the evidence that are used at most.
        folder, stem: where files go by default, and how their names begin.

    Raises:
        UserError: evidence, names or a metric that do not fit the model.
    """
    model = traced(model)
    refuse_layer_names(model)
    refuse_not_finite(model, model.name)
    graph = functional(model)
    noise = evidence is None
    if noise:
        samples, origin = noise_for(model, asked_pixels(model, pixels))
    else:
        samples = samples_of(model, evidence, count)
        origin = described(samples, source)
    pixels = asked_pixels(model, pixels, samples)
    if len(pixels) != len(graph.inputs):
        raise UserError(
            f"pixels: expected {len(graph.inputs)} of them, an input, got {len(pixels)}"
        )
    known = meanings_of(model, meanings, samples)
    given = samples if calibration is None and not noise else calibration

    def drawn(count, seed):
        found = samples_of(model, given, count if given is not samples else None)
        return found.take(chosen(len(found), count, seed))

    return Subject(
        model=model,
        samples=as_pixels(samples, pixels),
        calibration=None if given is None else drawn,
        pixels=pixels,
        meanings=known,
        labels=labels,
        metric=metric_of(metric, known, output_names(model), mode),
        origin=origin,
        folder=Path(folder),
        stem=stem,
    )


def chosen(available: int, count: int, seed: int = 0) -> np.ndarray:
    """Indices of `count` of so many samples, or of all, drawn evenly, in their order."""
    return np.sort(np.random.default_rng(seed).permutation(available)[:count])


def as_pixels(samples: Samples, pixels: tuple[bool, ...]) -> Samples:
    """Samples whose pixels are whole numbers, uint8, as files take them; the rest is float32."""
    inputs = tuple(
        np.rint(x).clip(0, 255).astype(np.uint8) if takes else x.astype("float32")
        for x, takes in zip(samples.inputs, pixels, strict=True)
    )
    return Samples(inputs, samples.targets)


def described(samples: Samples, source: str, **facts: Any) -> dict:
    """What the model card says of samples."""
    digest = hashlib.sha256()
    for x in samples.inputs:
        digest.update(np.ascontiguousarray(x).tobytes())
    return {"from": source, "inputs": len(samples), "sha256": digest.hexdigest(), **facts}


def noise_for(model: keras.Model, pixels: tuple[bool, ...]) -> tuple[Samples, dict]:
    """Seeded noise for a model of fixed sizes: pixels 0..255, or numbers within -1..1.

    Raises:
        UserError: an input without a fixed size.
    """
    rng, inputs = np.random.default_rng(0), []
    for x, takes in zip(functional(model).inputs, pixels, strict=True):
        if None in x.shape[1:]:
            raise UserError(
                f"{model.name}: input {x.name!r} has no fixed size, {x.shape[1:]}; give data of "
                "the size that files shall take"
            )
        shape = (SYNTHETIC, *x.shape[1:])
        values = rng.integers(0, 256, shape) if takes else rng.uniform(-1, 1, shape)
        inputs.append(values.astype(np.uint8 if takes else np.float32))
    samples = Samples(tuple(inputs))
    spans = dict.fromkeys("0..255" if takes else "-1..1" for takes in pixels)
    source = f"synthetic: uniform noise, {' and '.join(spans)}"
    return samples, described(samples, source, seed=0)

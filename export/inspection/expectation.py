"""What a file is compared with: inputs, and what a Keras model or another file makes of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from kerascnn.models.graph import functional, output_names, traced
from kerascnn.training import load_model, refuse_not_finite

from ..delivery.preparation import prepared
from ..proof.verification import in_values
from ..quantization.quantized_layers import is_int8
from ..runtimes import Artifact
from ..subject.images import samples_from
from ..subject.meaning import pixel_inputs
from ..subject.models import classes_of, is_model_file
from ..subject.opening import open_subject
from ..subject.samples import Samples
from ..subject.subject import SYNTHETIC, Subject, subject_of_model
from .alignment import from_values
from .evidence import arrays_for, noise, refuse_noise, sized
from .pairing import Wanted, pair


@dataclass(frozen=True)
class Expected:
    """name: of the model or file, as messages call it. inputs: what it takes.

    values: an array, (n, ...), an input: real numbers. calls: whether each of the n is a whole
    input, since the first axis counts no samples. outputs: what it makes of them, (n, ...), named
    `output_names`. steps: the quantization step of each output of a simulation of int8, else None.
    strayed: see `Reference.strayed`. arithmetic: as in `Content`. meanings: of the outputs.
    subject: of a Keras model. noise: whether the values are made up.
    """

    name: str
    inputs: list[Wanted]
    values: list[np.ndarray]
    outputs: list[np.ndarray]
    output_names: list[str]
    arithmetic: str
    noise: bool
    meanings: tuple[str | None, ...]
    steps: list[float | None]
    calls: bool = False
    strayed: Callable[[], list[np.ndarray]] | None = None
    subject: Subject | None = None


def of_model(
    against: Any,
    evidence: Any,
    artifact: Artifact,
    *,
    names: Mapping[str, str] | None = None,
    images: str | Path | None = None,
    data_dir: Path | None = None,
    trust: bool = False,
    code: Path | None = None,
    **about: Any,
) -> Expected:
    """What a Keras model, a .keras file or a run makes of the evidence; see `open_subject`.

    artifact: what will be compared: noise has its sizes where the model has none.
    names: name in the file -> name in the model.
    """
    is_file = is_model_file(against)
    if not is_file and not isinstance(against, keras.Model):
        subject = open_subject(against, evidence, data_dir=data_dir)
        return _of_subject(subject, False)
    with classes_of(code):
        model = traced(load_model(Path(against), trust=trust) if is_file else against)
    refuse_not_finite(model, against if is_file else model.name)
    if evidence is None and images is not None:
        evidence = samples_from(Path(images), model, pixel_inputs(model))
    made_up = evidence is None
    if made_up:
        evidence = _noise_for(model, artifact, names, str(against) if is_file else model.name)
    subject = subject_of_model(model, evidence, **about)
    return _of_subject(subject, made_up, str(against) if is_file else None)


def _of_subject(subject, made_up, name=None):
    reference = prepared(subject)
    model = functional(reference.model)
    inputs = [
        Wanted(x.name, (-1, *np.shape(values)[1:]), keras.backend.standardize_dtype(x.dtype))
        for x, values in zip(model.inputs, reference.inputs, strict=True)
    ]
    return Expected(
        name=name or str(subject.run.path if subject.run else subject.name),
        inputs=inputs,
        values=[np.asarray(x, "float32") for x in reference.inputs],
        outputs=reference.outputs,
        output_names=output_names(reference.model),
        arithmetic="float32",
        noise=made_up or subject.is_noise,
        meanings=subject.meanings,
        steps=reference.steps,
        strayed=lambda: reference.strayed,
        subject=subject,
    )


def _noise_for(model, artifact, names, called):
    """Noise as the model takes it, of the file's sizes where the model has none."""
    if not is_int8(model):  # it clips what the file does
        refuse_noise(artifact)
    rng, wanted = np.random.default_rng(0), []
    for x, takes in zip(functional(model).inputs, pixel_inputs(model), strict=True):
        dtype = "uint8" if takes else keras.backend.standardize_dtype(x.dtype)
        wanted.append(Wanted(x.name, (-1, *(n or -1 for n in x.shape[1:])), dtype))
    ends = artifact.content.inputs
    matches = pair(wanted, ends, what="input", files=(called, artifact.path), names=names)
    inputs = []
    for w, match in zip(wanted, matches, strict=True):
        sizes = match.shape_of_model(ends[match.index].shape)
        shape = (SYNTHETIC, *sized(w.shape[1:], sizes[1:]))
        inputs.append(noise(shape, w.dtype, rng))
    return Samples(tuple(inputs))


def of_file(
    against: str | Path,
    evidence: Any,
    artifact: Artifact,
    *,
    names: Mapping[str, str] | None = None,
    images: str | Path | None = None,
) -> Expected:
    """What another .tflite or .onnx file makes of the evidence.

    Args:
        evidence: an array an input of `against`: alone, in a list in its order, or in a dict by
            names; None for noise. images: a folder or array file in its place, see `arrays_for`.
    """
    with Artifact(against) as other:
        other.refuse_unknown((*other.inputs, *other.outputs))
        values, calls, made_up = arrays_for(other, artifact, evidence, images, names)
        given = [
            from_values(x, end, other.path) for x, end in zip(values, other.inputs, strict=True)
        ]
        found = other.call(given, len(values[0]) if values else 1) if calls else other.run(given)
    inputs = [
        Wanted(end.alias or end.name, ((-1,) if not calls else ()) + x.shape[1:], end.dtype)
        for end, x in zip(other.content.inputs, values, strict=True)
    ]
    return Expected(
        name=str(other.path),
        inputs=inputs,
        values=values,
        outputs=[in_values(y, end) for y, end in zip(found, other.outputs, strict=True)],
        output_names=[end.alias or end.name for end in other.content.outputs],
        arithmetic=other.content.arithmetic,
        noise=made_up,
        meanings=(None,) * len(found),
        steps=[None] * len(found),
        calls=calls,
    )

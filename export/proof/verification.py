"""The one verification: an artifact runs on the samples of its subject, and is compared."""

from dataclasses import replace
from functools import partial

import numpy as np

from kerascnn.errors import UserError, required
from kerascnn.models.graph import output_names

from ..runtimes import Artifact
from .checks import (
    AGREEMENT,
    FLOAT_TOLERANCE,
    KEPT,
    LABELS_KEPT,
    NOISE,
    Check,
    Verdict,
    agreement,
    all_integers,
    hardly_change,
    in_steps,
    near_the_simulation,
    noise,
    proves_little,
)
from .reference import Reference

TURNED = 3  # samples that may be answered worse, where that is more than the recipe allows


def judge(artifact: Artifact, reference: Reference) -> Verdict:
    """Runs a loaded artifact on the samples of a `Reference`, and compares every output.

    float32: within 1e-4 of the largest output, or of 1. int8: within one step of the simulation on
    99 % of the numbers, or on as many as the simulation's own steadiness allows, near it on the
    average (`near_the_simulation`), and no operator that computes in float but of layers that the
    simulation has in float. float16, dynamic, int16x8: noise within what `NOISE` allows. Where the
    subject has a metric and targets, the file may lose `max_drop` of it against the model as it
    was given; where it has none, classes keep their label. Where a file that ignored its inputs
    would pass all of it, the verdict says so in its doubt.

    Raises:
        UserError: outputs of other shapes than the model's, or that nobody can read.
    """
    subject, recipe = reference.subject, reference.recipe
    found = artifact.run(reference.as_taken(artifact.inputs))
    _refuse_unlike(artifact, found, reference)
    values = [in_values(y, end) for y, end in zip(found, artifact.outputs, strict=True)]
    before, after = subject.figure(subject.outputs), subject.figure(values)
    names = output_names(reference.model)
    checks, blind = [], []
    for number, (name, end) in enumerate(zip(names, artifact.outputs, strict=True)):
        compare = partial(
            _checks, end=end, reference=reference, number=number, decided=after is not None
        )
        suffix = f", {name}" if len(names) > 1 else ""
        checks += [
            replace(check, name=check.name + suffix)
            for check in compare(found[number], reference.outputs[number])
        ]
        if proves_little(reference.outputs[number], end, compare) and not _noticed(
            reference, values, number, before
        ):
            blind.append(f"the numbers of {name}" if suffix else "the outputs")
    if reference.simulates:
        checks += all_integers(artifact, bool(reference.float_layers))
    measured = {}
    if subject.metric is not None and after is not None:
        lost = subject.metric.lost(required(before), after)
        # Of few samples a handful decides: three may turn, whatever share of them that is.
        allowed = max(recipe.max_drop, 100 * TURNED / len(subject.samples))
        checks.append(Check(subject.metric.unit, lost, "<=", allowed))
        measured = {"artifact": after, "trained": before, "images": len(subject.samples)}
        if subject.metric.name != "accuracy":
            measured["metric"] = subject.metric.name
    verdict = Verdict(tuple(checks), measured)
    if not blind or not verdict.passed:
        return verdict
    return replace(verdict, doubt=_doubt(blind, subject))


def _noticed(reference, values, number, before):
    """Whether the metric tells a file that gives the mean of one output, whatever its input."""
    if before is None:
        return False
    subject = reference.subject
    mean = reference.outputs[number].mean(axis=0, keepdims=True)
    blind = [*values]
    blind[number] = np.broadcast_to(mean, values[number].shape)
    return subject.metric.lost(before, subject.figure(blind)) > reference.recipe.max_drop


def in_values(outputs: np.ndarray, end: dict) -> np.ndarray:
    """Outputs of an artifact as real numbers, float32."""
    if end["scale"] is None:
        return outputs.astype("float32")
    return ((outputs.astype("float32") - end["zero_point"]) * end["scale"]).astype("float32")


def _refuse_unlike(artifact, found, reference):
    wanted = [y.shape for y in reference.outputs]
    if [y.shape for y in found] != wanted:
        raise UserError(
            f"{artifact.path}: expected outputs of {wanted}, got {[y.shape for y in found]}"
        )
    for end in artifact.outputs:
        if end["scale"] is None and end["dtype"] != "float32":
            raise UserError(
                f"{artifact.path}: its output {end['name']} is {end['dtype']} without a scale: "
                "nobody can read it"
            )


def _checks(outputs, expected, *, end, reference, number, decided):
    """The checks of one output, as an artifact gives it at its `end`, that should be `expected`."""
    method = reference.recipe.method
    step = reference.steps[number]
    if method in NOISE:
        checks = [Check("noise of the outputs", noise(outputs, expected), "<=", NOISE[method])]
        kept, like, whom = KEPT[method], outputs, "model"
    elif step is None and end["scale"] is None:
        size = max(1.0, float(np.abs(expected).max()))
        difference = float(np.abs(outputs - expected).max()) / size
        return [Check("largest difference, as a share", difference, "<=", FLOAT_TOLERANCE)]
    else:
        if end["scale"] is None:  # an int8 file with float ends does not tell its step itself
            like, wanted = np.rint(outputs / step), np.rint(expected / step)
        else:
            like, wanted = outputs.astype(np.int64), in_steps(expected, end)
        off = np.abs(like - wanted)
        checks = near_the_simulation(off, lambda: reference.strayed[number], decided=decided)
        kept, whom = LABELS_KEPT, "model"
        if decided:
            kept, whom, expected = AGREEMENT, "simulation", wanted
    meaning = reference.subject.meanings[number]
    rows = expected.ndim == 2 and expected.shape[1] > 1
    if rows and meaning != "numbers":
        plain = expected if whom == "simulation" else reference.subject.outputs[number]
        share = agreement(like, plain)
        informs = meaning is None or decided
        checks.append(Check(f"labels that agree with the {whom}", share, ">=", kept, informs))
    return checks


def _doubt(blind, subject):
    """What there is to say where the outputs `blind` hardly change over the samples compared."""
    count = len(subject.samples)
    what = "1 input" if count == 1 else f"{count} inputs"
    way_out = "compare it on inputs that it tells apart"
    if subject.is_noise:
        what += " of noise"
        way_out = "convert it with real images, --images FOLDER or FILE.npz"
    elif subject.run is not None:
        what = f"the {count} validation images"
        way_out = "a model that tells them apart needs more training, see kerascnn evaluate"
    return hardly_change(what, " and ".join(blind), way_out)

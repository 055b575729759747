"""Artifacts of .keras files that were not trained here: compared with that file, without labels."""

import hashlib
from dataclasses import replace
from functools import partial

import numpy as np

from kerascnn.errors import UserError

from .checks import (
    FLOAT_TOLERANCE,
    KEPT,
    NOISE,
    Check,
    Verdict,
    agreement,
    all_integers,
    hardly_change,
    in_steps,
    noise,
    proves_little,
    within_a_step,
)
from .steadiness import steadiness

# Rounding to int8 may turn what is undecided; whoever has labels measures what it costs.
LABELS_KEPT = 0.9


def judge_own(artifact, prepared, recipe):
    """Runs a loaded artifact on the inputs of a `Prepared`, and compares every output.

    float32: within 1e-4 of the largest output, or of 1. int8: within one step of the simulation on
    99 % of the numbers and, unless the recipe leaves layers float, no operator that computes in
    float. float16, dynamic, int16x8: noise as `NOISE` allows. Where an output is a
    row of classes: the label of the model as it was given, on as many images as `KEPT` or
    `LABELS_KEPT` says. Outputs that hardly change over the inputs make a doubt, and no failure.
    """
    found = artifact.run(prepared.inputs)
    shapes = [y.shape for y in prepared.expected]
    if [y.shape for y in found] != shapes:
        raise UserError(
            f"{artifact.path}: expected outputs of {shapes}, got {[y.shape for y in found]}"
        )
    checks, blind = [], []
    rows = zip(artifact.outputs, found, prepared.expected, prepared.plain, strict=True)
    for number, (end, outputs, expected, plain) in enumerate(rows, 1):
        name = f", output {number}" if len(found) > 1 else ""
        compare = partial(
            _checks, end=end, plain=plain, recipe=recipe,
            steady=partial(_steadiness, prepared, artifact.outputs, number - 1),
        )  # fmt: skip
        checks += [
            Check(check.name + name, check.measured, check.comparison, check.limit)
            for check in compare(outputs, expected)
        ]
        if proves_little(expected, end, compare):
            blind.append(f"the numbers of output {number}" if name else "the outputs")
    if recipe.method == "static":
        checks += all_integers(artifact, recipe)
    verdict = Verdict(tuple(checks), {})
    if not blind or not verdict.passed:
        return verdict
    return replace(verdict, doubt=_doubt(blind, prepared.origin))


def _doubt(blind, origin):
    """What there is to say where the outputs `blind` hardly change over the inputs compared."""
    what = "1 input" if origin["images"] == 1 else f"{origin['images']} inputs"
    way_out = "convert it with --images that it tells apart"
    if "seed" in origin:
        what += " of noise"
        way_out = "convert it with real images, --images FOLDER or FILE.npz"
    return hardly_change(what, " and ".join(blind), way_out)


def _steadiness(prepared, ends, number):
    steps = [end["scale"] for end in ends]
    return steadiness(prepared.model, prepared.inputs, prepared.expected, steps)[number]


def _checks(outputs, expected, *, end, plain, recipe, steady):
    if recipe.method in NOISE:
        checks = [Check("noise of the outputs", noise(outputs, expected), "<=",
                        NOISE[recipe.method])]  # fmt: skip
    elif end["scale"] is None:
        size = max(1.0, float(np.abs(expected).max()))
        difference = float(np.abs(outputs - expected).max()) / size
        return [Check("largest difference, as a share", difference, "<=", FLOAT_TOLERANCE)]
    else:
        off = np.abs(outputs.astype(np.int64) - in_steps(expected, end))
        checks = [within_a_step(off, steady)]
    if plain.ndim == 2 and plain.shape[1] > 1:
        kept = KEPT.get(recipe.method, LABELS_KEPT)
        share = agreement(outputs, plain)
        checks.append(Check("labels that agree with the model", share, ">=", kept))
    return checks


def verify_own(artifact, recipe, source, *, images=None, trust=False, code=None):
    """Runs an artifact again on what it was compared on.

    Args:
        artifact: loaded. recipe: of its sheet. source: the "source" of its sheet.
        images, trust, code: as in `deliver_own`.

    Raises:
        UserError: the model or the images are not those that the sheet speaks of.
    """
    from ..delivery.own_model import classes_of, prepare

    path, compared = source_of(artifact.path, source)
    if images is None and "seed" not in compared:
        raise UserError(
            f"{artifact.path}: was compared on images of {compared.get('from')!r}; give them "
            "with --images"
        )
    with classes_of(code):
        prepared = prepare(path, recipe, images=images, trust=trust)
    if prepared.origin["sha256"] != compared.get("sha256"):
        raise UserError(f"{images}: not the images that {artifact.path} was compared on")
    return judge_own(artifact, prepared, recipe)


def source_of(path, source):
    """(the .keras file that an artifact was made of, what it was compared on).

    Args:
        path: of the artifact. source: the "source" of its sheet.

    Raises:
        UserError: the sheet does not say it, or that file is another one by now.
    """
    compared = source.get("compared_on") if isinstance(source, dict) else None
    if not isinstance(compared, dict) or not isinstance(source.get("file"), str):
        raise UserError(f"{path}: its sheet does not say what it was made of")
    model = path.parent / source["file"]
    if sha256(model) != source.get("sha256"):
        raise UserError(f"{model}: not the file that {path} was made of; convert it again")
    return model, compared


def sha256(path):
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        raise UserError(f"{path} is missing: the model that the artifact was made of") from None

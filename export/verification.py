"""No artifact is called good before it has been run and compared with its model."""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from export.artifact import read_sheet
from export.checks import (
    AGREEMENT,
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
from export.compression.compress import prepared
from export.compression.quantized_layers import FakeQuant
from export.compression.recipe import Recipe
from export.compression.rounding_places import PASS_THROUGH
from export.runtimes import Artifact
from export.steadiness import steadiness
from kerascnn.config import parse
from kerascnn.errors import UserError
from kerascnn.evaluation import outputs_of
from kerascnn.models.graph import functional, nodes
from kerascnn.training import open_run


@dataclass(frozen=True)
class Reference:
    """What an artifact must agree with, on given images.

    images: (n, h, w, c) uint8. labels: (n,). logits: of the Keras model it was converted from
    (for int8 the one that simulates the rounding). trained: accuracy of the float model.
    step: of the quantized outputs, which an int8 file with float ends does not tell; else None.
    simulation: the model that gave the logits, if it simulates int8 and is at hand.
    """

    images: np.ndarray
    labels: np.ndarray
    logits: np.ndarray
    trained: float
    step: float | None = None
    simulation: object = None

    @cached_property
    def steadiness(self):
        """The share of logits that the simulation itself gives within a step; see the module."""
        if self.simulation is None:
            return 1.0
        return steadiness(self.simulation, self.images, [self.logits], [self.step])[0]


def reference(trained, model, split, data):
    """Computes the `Reference` of a trained model, and of what is converted, on a split."""
    images = data.pixels(split)
    trained_logits = predict(trained, images)
    if np.shape(trained_logits)[1:] != (len(data.names),):
        raise UserError(
            f"the model {trained.name}: expected outputs of (n, {len(data.names)}), one a class of "
            f"the data, got {np.shape(trained_logits)}; train the run again"
        )
    logits = trained_logits if model is trained else predict(model, images)
    reached = accuracy(trained_logits, split.labels)
    step = output_step(model)
    simulation = None if step is None else model
    return Reference(images, split.labels, logits, reached, step, simulation)


def output_step(model):
    """The step of the first output of a model that simulates int8; None for a float one."""
    flat = functional(model)
    makers = {id(x): node for node in nodes(flat) for x in node.outputs}
    node = makers.get(id(flat.outputs[0]))
    while node is not None and isinstance(node.operation, PASS_THROUGH):
        node = makers.get(id(node.input_tensors[0]))
    if node is None or not isinstance(node.operation, FakeQuant):
        return None
    return (float(node.operation.maximum) - float(node.operation.minimum)) / 255


def predict(model, images):
    """Logits of uint8 images, (n, classes); UserError where the model cannot be run."""
    return outputs_of(model, images.astype("float32"), f"the model {model.name}", batch_size=256)


def accuracy(logits, labels):
    """The share of images whose largest logit is their label's."""
    return float((np.argmax(logits, axis=1) == labels).mean())


def judge(artifact, expected, recipe):
    """Runs a loaded artifact on the images of a `Reference` and compares.

    float32: logits within 1e-4. int8: within one output step of the simulation on 99 % of the
    outputs (or on as many as the simulation is of itself, see `within_a_step`), the same label on
    99 % of the images, and, unless the recipe leaves layers float, no operator that computes in
    float. float16, dynamic, int16x8: noise of the logits and labels within what
    `NOISE` and `KEPT` allow. All: at most `recipe.max_drop` points of accuracy lost against the
    trained model. Where a file that ignored its images would pass all of it, the verdict says so
    in its doubt.
    """
    outputs = artifact.run(expected.images)[0]
    end = artifact.outputs[0]
    if outputs.shape != expected.logits.shape:
        raise UserError(
            f"{artifact.path}: expected outputs {expected.logits.shape}, got {outputs.shape}"
        )
    if end["scale"] is None and end["dtype"] != "float32":
        raise UserError(
            f"{artifact.path}: its output is {end['dtype']} without a scale: nobody can read it"
        )
    reached = accuracy(outputs, expected.labels)
    checks = _checks(outputs, expected.logits, end, expected, recipe)
    if recipe.method not in NOISE and not _is_float(end, expected):
        checks[-1:-1] = all_integers(artifact, recipe)
    measured = {"artifact": reached, "trained": expected.trained, "images": len(expected.labels)}
    verdict = Verdict(tuple(checks), measured)

    def compare(blind, logits):
        return _checks(blind, logits, end, expected, recipe)

    if verdict.passed and proves_little(expected.logits, end, compare):
        way_out = "a model that tells them apart needs more training, see kerascnn evaluate"
        what = f"the {len(expected.labels)} validation images"
        return replace(verdict, doubt=hardly_change(what, "the logits", way_out))
    return verdict


def _checks(outputs, logits, end, expected, recipe):
    """The checks of outputs, as an artifact gives them at its `end`, that should be `logits`."""
    if recipe.method in NOISE:
        checks = [
            Check("noise of the logits", noise(outputs, logits), "<=", NOISE[recipe.method]),
            Check("labels that agree with the model", agreement(outputs, expected.logits), ">=",
                  KEPT[recipe.method]),
        ]  # fmt: skip
    elif _is_float(end, expected):
        difference = float(np.abs(outputs - logits).max())
        checks = [Check("largest difference of a logit", difference, "<=", FLOAT_TOLERANCE)]
    else:
        steps = outputs.astype(np.int64) if end["scale"] else np.rint(outputs / expected.step)
        wanted, labels = (_in_steps(x, end, expected.step) for x in (logits, expected.logits))
        checks = [
            within_a_step(np.abs(steps - wanted), lambda: expected.steadiness),
            Check("labels that agree with the simulation", agreement(steps, labels), ">=",
                  AGREEMENT),
        ]  # fmt: skip
    drop = round(100 * (expected.trained - accuracy(outputs, expected.labels)), 6)
    return [*checks, Check("points of accuracy lost", drop, "<=", recipe.max_drop)]


def _is_float(end, expected):
    return end["scale"] is None and expected.step is None


def _in_steps(logits, end, step):
    """Logits as integers; an int8 file with float ends does not tell their step itself."""
    return np.rint(logits / step) if end["scale"] is None else in_steps(logits, end)


def verify(path, *, data_dir=None, images=None, trust=False, code=None):
    """Runs an artifact again on the validation images of its run, or beside its .keras file.

    Args:
        path: a .tflite or .onnx file that `kerascnn convert` left in a run folder.
        data_dir: as in `train`.
        images, trust, code: for an artifact of a .keras file, as in `deliver_own`.

    Returns:
        The `Verdict`.

    Raises:
        UserError: a file that no engine loads, that changed, or whose run is incomplete.
    """
    path = Path(path)
    with Artifact(path) as artifact:
        facts = read_sheet(path)
        recipe = parse(Recipe, facts["recipe"], path)
        if "source" in facts:
            from export.own_verification import verify_own

            return verify_own(
                artifact, recipe, facts["source"], images=images, trust=trust, code=code
            )
        run = open_run(path.parent)
        data = run.data(data_dir)
        trained = run.model()
        expected = reference(trained, prepared(trained, run, recipe, data), data.validation, data)
        return judge(artifact, expected, recipe)

"""No artifact is called good before it has been run and compared with its model."""

import operator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from export.artifact import read_sheet
from export.compression.compress import prepared
from export.compression.quantized_layers import FakeQuant
from export.compression.recipe import Recipe
from export.compression.rounding_places import PASS_THROUGH
from export.runtimes import Artifact
from kerascnn.config import parse
from kerascnn.errors import UserError
from kerascnn.models.graph import functional, nodes
from kerascnn.training import open_run

FLOAT_TOLERANCE = 1e-4  # on logits: sums of float32 in another order; a wrong layer is far outside
WITHIN_A_STEP = 0.99  # of outputs: kernels round halves their own way, once a layer, rarely twice
AGREEMENT = 0.99  # of images keep their label where logits are within a step of each other

# The converter's own quantization has no simulation to equal: what it may add is noise. Its share
# of the logits' spread, and the images that keep their label, by the method of the recipe. Half
# precision moves a weight by 2^-11 of itself at most: ten layers that all err one way stay below.
# A weight of 8 bits is off by about 1 % of its size, whichever way, an activation by as much: the
# layers of a deep network add up to a few percent, a wrong one to half of the spread or more.
NOISE = {"float16": 0.005, "dynamic": 0.1, "int16x8": 0.1}
KEPT = {"float16": AGREEMENT, "dynamic": 0.95, "int16x8": 0.95}  # noise turns what is undecided

COMPARISONS = {"<=": operator.le, ">=": operator.ge}


@dataclass(frozen=True)
class Check:
    """One thing that must hold: `measured` `comparison` `limit`."""

    name: str
    measured: float
    comparison: str
    limit: float

    @property
    def passed(self):
        """A NaN never passes."""
        return bool(COMPARISONS[self.comparison](self.measured, self.limit))

    def as_dict(self):
        return {
            "name": self.name, "measured": self.measured, "comparison": self.comparison,
            "limit": self.limit, "passed": self.passed,
        }  # fmt: skip


@dataclass(frozen=True)
class Verdict:
    """What came of a comparison. accuracy: of the artifact and of the trained model, 0..1."""

    checks: tuple[Check, ...]
    accuracy: dict

    @property
    def passed(self):
        return all(check.passed for check in self.checks)


@dataclass(frozen=True)
class Reference:
    """What an artifact must agree with, on given images.

    images: (n, h, w, c) uint8. labels: (n,). logits: of the Keras model it was converted from
    (for int8 the one that simulates the rounding). trained: accuracy of the float model.
    step: of the quantized outputs, which an int8 file with float ends does not tell; else None.
    """

    images: np.ndarray
    labels: np.ndarray
    logits: np.ndarray
    trained: float
    step: float | None = None


def reference(trained, model, split, data):
    """Computes the `Reference` of a trained model, and of what is converted, on a split."""
    images = data.pixels(split)
    trained_logits = predict(trained, images)
    logits = trained_logits if model is trained else predict(model, images)
    reached = accuracy(trained_logits, split.labels)
    return Reference(images, split.labels, logits, reached, output_step(model))


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
    """Logits of uint8 images, (n, classes)."""
    return model.predict(images.astype("float32"), batch_size=256, verbose=0)


def accuracy(logits, labels):
    """The share of images whose largest logit is their label's."""
    return float((np.argmax(logits, axis=1) == labels).mean())


def judge(artifact, expected, recipe):
    """Runs a loaded artifact on the images of a `Reference` and compares.

    float32: logits within 1e-4. int8: within one output step of the simulation on 99 % of the
    outputs, the same label on 99 % of the images, and, unless the recipe leaves layers float, no
    operator that computes in float between integers. float16, dynamic, int16x8: noise of the
    logits and labels within what `NOISE` and `KEPT` allow. All: at most `recipe.max_drop` points
    of accuracy lost against the trained model.
    """
    outputs = artifact.run(expected.images)[0]
    end = artifact.outputs[0]
    if outputs.shape != expected.logits.shape:
        raise UserError(
            f"{artifact.path}: expected outputs {expected.logits.shape}, got {outputs.shape}"
        )
    if recipe.method in NOISE:
        checks = [
            Check("noise of the logits", noise(outputs, expected.logits), "<=",
                  NOISE[recipe.method]),
            Check("labels that agree with the model", agreement(outputs, expected.logits), ">=",
                  KEPT[recipe.method]),
        ]  # fmt: skip
        logits = outputs
    elif end["dtype"] == "float32" and expected.step is None:
        difference = float(np.abs(outputs - expected.logits).max())
        checks = [Check("largest difference of a logit", difference, "<=", FLOAT_TOLERANCE)]
        logits = outputs
    elif end["scale"] is None and end["dtype"] != "float32":
        raise UserError(
            f"{artifact.path}: its output is {end['dtype']} without a scale: nobody can read it"
        )
    else:
        steps, wanted, logits = _in_steps(outputs, end, expected)
        near = float((np.abs(steps - wanted) <= 1).mean())
        checks = [
            Check("outputs within 1 step of the simulation", near, ">=", WITHIN_A_STEP),
            Check("labels that agree with the simulation", agreement(steps, wanted), ">=",
                  AGREEMENT),
        ]  # fmt: skip
        if artifact.floats_inside is not None and not recipe.leaves_float:
            inside = len(artifact.floats_inside)
            checks.append(Check("operators in float between integers", inside, "<=", 0))
    reached = accuracy(logits, expected.labels)
    drop = round(100 * (expected.trained - reached), 6)
    checks.append(Check("points of accuracy lost", drop, "<=", recipe.max_drop))
    measured = {"artifact": reached, "trained": expected.trained, "images": len(expected.labels)}
    return Verdict(tuple(checks), measured)


def _in_steps(outputs, end, expected):
    """Outputs of an int8 file and of its simulation in steps of the output, and as logits."""
    if end["dtype"] == "float32":
        return np.rint(outputs / expected.step), np.rint(expected.logits / expected.step), outputs
    scale, zero_point = end["scale"], end["zero_point"]
    limits = np.iinfo(end["dtype"])
    wanted = (np.rint(expected.logits / scale) + zero_point).clip(limits.min, limits.max)
    return outputs.astype(np.int64), wanted, (outputs.astype("float32") - zero_point) * scale


def noise(outputs, wanted):
    """The root mean square of the differences, as a share of the spread of what is wanted."""
    return float(np.sqrt(np.mean((outputs - wanted) ** 2)) / np.std(wanted))


def agreement(outputs, wanted):
    """The share of images with the same label. A tie of integer logits agrees with either."""
    chosen = np.take_along_axis(wanted, np.argmax(outputs, axis=1)[:, None], axis=1)[:, 0]
    return float((chosen == wanted.max(axis=1)).mean())


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

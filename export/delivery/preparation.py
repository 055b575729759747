"""From a subject and a recipe to what is converted, and what its files must agree with."""

import keras

from kerascnn.errors import UserError, required
from kerascnn.models.graph import computes_in, in_float32
from kerascnn.training import Run, load_finite

from ..proof.reference import AS_IT_IS, Reference
from ..quantization.biases import settle_biases
from ..quantization.calibration import simulated
from ..quantization.quantized_layers import is_int8
from ..recipes.recipe import Recipe
from ..subject.subject import Subject


def prepared(subject: Subject, recipe: Recipe | None = None) -> Reference:
    """What is converted by a recipe, and what its files are compared with.

    It is the subject's own model; what `compress` kept of it, for recipes that train; or, for
    `method: static`, either of them with the rounding of int8 simulated. It is computed anew each
    time: from the same samples follow the same ranges.

    Args:
        subject: a `Subject`.
        recipe: a `Recipe`; None for a model that is converted as it is, in float32 or, where it
            simulates int8, in that.

    Raises:
        UserError: `compress` has not been run, samples that ranges could be taken from are
            missing, or a layer that int8 has no rule for.
    """
    model = subject.model
    if is_int8(model):
        if recipe is not None and recipe.method not in (None, "qat", "static"):
            raise UserError(
                f"{subject.name}: simulates int8 already; {recipe.name} takes the float model"
            )
        return Reference(subject, with_settled_biases(model), recipe or AS_IT_IS)
    if computes_in(model) - {"float32"}:
        model = in_float32(model)
    if recipe is None:
        return Reference(subject, model)
    if recipe.compresses:
        model = compressed_model(subject, recipe)
    if recipe.method == "static":
        if subject.calibration is None:
            raise UserError(
                f"{recipe.name}: takes ranges from images that the model was made for: "
                "--images FOLDER or FILE.npz"
            )
        model = simulated(model, required(recipe.quantization), subject.calibration, subject.pixels)
        settle_biases(model)
    return Reference(subject, model, recipe)


def with_settled_biases(model: keras.Model) -> keras.Model:
    """A float32 copy of a simulation of int8 with its biases on the grid of the integer kernels."""
    copy = in_float32(model)
    settle_biases(copy)
    return copy


def compressed_model(subject: Subject, recipe: Recipe) -> keras.Model:
    """Loads what `compress` kept; UserError where it has not been run."""
    if subject.run is None:
        raise UserError(
            f"{recipe.name}: trains, which takes a run, or your own script with export.quantize; a "
            ".keras file takes float32, float16, dynamic_wi8 or static_wi8_ai8"
        )
    return kept_model(subject.run, recipe)


def kept_model(run: Run, recipe: Recipe) -> keras.Model:
    """The same, of a `Run`, whose data stay closed."""
    path = run.path / recipe.name / "model.keras"
    if not path.exists():
        raise UserError(
            f"{path} is missing; kerascnn compress {run.path} --recipe {recipe.name} makes it"
        )
    return load_finite(path)

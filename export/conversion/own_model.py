"""A .keras file that was not trained here: converted, run, compared with itself, and kept.

What the files take is what the model takes: pixels, as uint8, where the model begins with a
Rescaling or Normalization that is made for them; else its own floats. An int8 file takes uint8
in either case, and where they are not pixels its sheet says what they mean.
"""

import importlib.util
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from export.artifact import describe_own, refuse_to_replace
from export.compression.biases import settle_biases
from export.compression.calibration import calibrated, drawn
from export.compression.recipe import load_recipe
from export.conversion import convert, refuse_formats
from export.conversion.deliver import keep
from export.conversion.own_graph import of_integers, refuse_odd, takes_pixels, without_augmentation
from export.conversion.own_inputs import inputs_of
from export.own_verification import judge_own
from kerascnn.errors import UserError
from kerascnn.evaluation import outputs_of
from kerascnn.files import writable_folder
from kerascnn.training import load_model

BATCH = 64


@dataclass(frozen=True)
class Prepared:
    """model: what is converted. inputs: what its files are run on, (n, *shape). expected: its
    outputs on them, a list. plain: those of the model as it was given. pixels: whether the files
    take pixels, 0..255. origin: of the inputs."""

    model: keras.Model
    inputs: np.ndarray
    expected: list
    plain: list
    pixels: bool
    origin: dict


def deliver_own(path, recipe, formats, *, images=None, out=None, batch=1, opset=None, trust=False,
                code=None):  # fmt: skip
    """Converts a .keras file, and keeps the files that prove equal to it.

    Args:
        path: a functional or sequential model with one input of a fixed size.
        recipe: a `Recipe`, the name of one that ships, or the path of its YAML file; one that
            trains nothing.
        formats: "tflite", "onnx".
        images: what to calibrate and to compare on, see `own_inputs.inputs_of`; None where nothing
            is calibrated: then the comparison is made on seeded noise, and the sheet says so.
        out: the folder to write; by default that of the .keras file.
        batch: inputs at a time; None for any number.
        opset: of .onnx files, 17 to 25.
        trust: load Lambda layers, which are Python code inside the file.
        code: a Python file with the model's own classes; it is run.

    Returns:
        A `Delivery` for each format. A file that failed is not there.

    Raises:
        UserError: a file, recipe, layer or image that does not fit.
    """
    path = Path(path)
    recipe = load_recipe(recipe)
    refuse_formats(recipe.method, formats, batch=batch, opset=opset)
    folder = Path(out or path.parent)
    paths = {kind: folder / f"{path.stem}_{recipe.artifact}.{kind}" for kind in formats}
    for made in paths.values():
        refuse_to_replace(made, recipe)
    options = {"tflite": {"batch": batch}, "onnx": {"batch": batch, "opset": opset}}
    with classes_of(code):
        prepared = prepare(path, recipe, images=images, trust=trust)
        writable_folder(folder)
        return [
            _deliver(path, made, kind, recipe, prepared, options[kind])
            for kind, made in paths.items()
        ]


def _deliver(source, path, kind, recipe, prepared, options):
    if recipe.method not in (None, "static"):
        options = {**options, "method": recipe.method, "images": prepared.inputs}
    made = convert(prepared.model, kind, pixels=prepared.pixels, **options)
    return keep(
        path, made, lambda artifact: judge_own(artifact, prepared, recipe),
        lambda file, artifact, verdict: describe_own(
            file, artifact, source, recipe, verdict, prepared
        ),
    )  # fmt: skip


def prepare(path, recipe, *, images=None, trust=False):
    """Loads a .keras file and makes of it what a recipe asks for; see `Prepared`."""
    if (path.parent / "run.json").exists() and path.name == "model.keras":
        raise UserError(f"{path}: is the model of a run; kerascnn convert {path.parent}")
    if recipe.compresses:
        raise UserError(
            f"{recipe.name}: trains, which takes a run; a .keras file takes float32, float16, "
            "dynamic_wi8 or static_wi8_ai8"
        )
    calibration = recipe.quantization and recipe.quantization.calibration
    if calibration and images is None:
        raise UserError(
            f"{recipe.name}: takes ranges from images that the model was made for: "
            "--images FOLDER or FILE.npz"
        )
    model = load_model(path, trust=trust)
    shape = refuse_odd(model, path)
    model = without_augmentation(model)
    pixels = takes_pixels(model)
    inputs = inputs_of(shape, pixels, images)
    plain = answers(model, inputs.values, path)
    if not all(np.isfinite(y).all() for y in plain):
        raise UserError(f"{path}: its outputs are not finite; look at its weights")
    if recipe.method != "static":
        return Prepared(model, inputs.values, plain, plain, pixels, inputs.origin)
    values, given = inputs.values, model
    if not pixels:
        given, values = of_integers(model, values)
    chosen = values[drawn(len(values), calibration.images, calibration.seed)].astype("float32")
    twin = calibrated(
        given, recipe.quantization,
        lambda: (chosen[i : i + BATCH] for i in range(0, len(chosen), BATCH)),
        lambda count: chosen[:count],
    )  # fmt: skip
    settle_biases(twin)
    return Prepared(twin, values, answers(twin, values, path), plain, pixels, inputs.origin)


def answers(model, values, path):
    """The outputs of a model, a list of float32 arrays; UserError where `path` cannot be run."""
    outputs = outputs_of(model, values.astype("float32"), path, batch_size=BATCH)
    return [np.asarray(y, "float32") for y in keras.tree.flatten(outputs)]


def classes_of(code):
    """A context in which Keras knows the classes of a Python file, registered or not."""
    if code is None:
        return nullcontext()
    path = Path(code)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or not path.is_file():
        raise UserError(f"{path}: expected a Python file that defines layers")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # it is the user's own program
        raise UserError(f"{path}: raises {type(error).__name__}: {error}") from None
    named = {k: v for k, v in vars(module).items() if callable(v) and not k.startswith("_")}
    own = {k: v for k, v in named.items() if getattr(v, "__module__", None) == path.stem}
    return keras.saving.custom_object_scope(own)

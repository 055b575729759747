"""Compression, read from top to bottom: prune, then train with int8 arithmetic in mind."""

from export.compression.pruning import MagnitudePruning, keep_zeros, sparsity
from export.compression.qat import calibrate, quantize
from export.compression.quantized_layers import FakeQuant
from export.compression.recipe import Recipe, load_recipe
from kerascnn.config import OptimizerConfig, Schedule, dump
from kerascnn.console import console
from kerascnn.errors import UserError
from kerascnn.files import replacing, writable_folder, write_text
from kerascnn.training import fit, load_model, open_run

CALIBRATION_BATCHES = 16


def compress(run, recipe, *, data_dir=None):
    """Compresses the model of a run by a recipe.

    Args:
        run: a `Run`, or the path of its folder.
        recipe: a `Recipe`, the name of one that ships, or the path of its YAML file.
        data_dir: as in `train`.

    Returns:
        The compressed `keras.Model`: raw pixels -> logits, for int8 with its rounding simulated.
        It is kept as RUN/RECIPE/model.keras.

    Raises:
        UserError: a recipe, run or layer that does not fit.
    """
    run = open_run(run) if not hasattr(run, "config") else run
    recipe = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
    if not recipe.compresses:
        raise UserError(f"{recipe.name}: nothing to compress; convert the run with it as it is")
    data = run.data(data_dir)
    model = run.model()
    out = writable_folder(run.path / recipe.name)
    if recipe.pruning:
        model = _prune(model, recipe.pruning, run, data, out / "pruning")
    if recipe.quantization:
        model = _quantize(model, recipe.quantization, run, data, out / "quantization")
    write_text(out / "recipe.yaml", dump(recipe))
    with replacing(out / "model.keras") as path:
        model.save(path)
    return model


def compressed_model(run, recipe):
    """Loads what `compress` kept; UserError where it has not been run."""
    path = run.path / recipe.name / "model.keras"
    if not path.exists():
        raise UserError(
            f"{path} is missing; kerascnn compress {run.path} --recipe {recipe.name} makes it"
        )
    return load_model(path)


def _prune(model, pruning, run, data, out):
    steps = pruning.fine_tune.epochs * data.steps_per_epoch()
    pruner = MagnitudePruning(
        model, pruning.sparsity, steps,
        begin=pruning.begin, end=pruning.end, exclude=pruning.exclude,
    )  # fmt: skip
    settled = min(-(-pruning.end * pruning.fine_tune.epochs // 1), pruning.fine_tune.epochs - 1)
    model = _fine_tune(model, pruning.fine_tune, run, data, out, [pruner], int(settled))
    console.print(f"  {sparsity(model):.1%} of the prunable weights are zero")
    return model


def _quantize(model, quantization, run, data, out):
    simulated = quantize(model, per_channel=quantization.per_channel)
    calibration = data.batches(data.train).take(CALIBRATION_BATCHES)
    calibrate(simulated, (images for images, _ in calibration))
    keep_zeros(simulated)
    return _fine_tune(simulated, quantization.fine_tune, run, data, out, [], 0)


def _fine_tune(model, fine_tune, run, data, out, callbacks, settled):
    """Trains with the run's optimizer on a new schedule; returns the best model."""
    config = run.config
    schedule = Schedule(name="cosine", peak=fine_tune.peak)
    optimizer = OptimizerConfig(**{**dict(config.optimizer), "schedule": schedule})
    training = config.training.model_copy(
        update={"epochs": fine_tune.epochs, "precision": "float32"}
    )
    out = writable_folder(out)
    fit(
        model, data, optimizer, training, out,
        checkpoints=out / "checkpoints", callbacks=callbacks, settled=settled,
    )  # fmt: skip
    return load_model(out / "checkpoints" / "best.keras")


def is_int8(model):
    """Whether a model simulates int8."""
    return any(isinstance(layer, FakeQuant) for layer in model.layers)

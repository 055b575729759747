"""The stages of a recipe with `engine: tfmot`: wrapped, fine-tuned in tf_keras, brought back."""

from pathlib import Path

import keras

from kerascnn.data import Data
from kerascnn.errors import required
from kerascnn.training import Run

from ..recipes.stages import Clustering, Pruning, Quantization
from ..subject.subject import chosen
from . import engine as tfmot_engine
from . import weights
from .engine import Simulation
from .extra import TFMOT, import_extra
from .tf_keras_training import fit


def prune(model: keras.Model, pruning: Pruning, run: Run, data: Data, out: Path) -> keras.Model:
    """Prunes a Keras 3 model by the section `pruning` of a recipe; returns it."""
    tfmot = import_extra(TFMOT)
    epochs = pruning.fine_tune.epochs
    wrapped = weights.prunable(
        model,
        pruning.sparsity,
        epochs * data.steps_per_epoch(),
        begin=pruning.begin,
        end=pruning.end,
        schedule=pruning.schedule,
        pattern=pruning.pattern,
        exclude=pruning.exclude,
    )
    callbacks = [tfmot.sparsity.keras.UpdatePruningStep()]
    fit(
        wrapped,
        data,
        pruning.fine_tune,
        run.config,
        out,
        callbacks=callbacks,
        first_eligible=pruning.sparse_from,
    )
    return weights.strip(wrapped, model)


def cluster(
    model: keras.Model, clustering: Clustering, run: Run, data: Data, out: Path
) -> keras.Model:
    """Clusters the weights of a Keras 3 model by the section `clustering`; returns it."""
    clusters = clustering.values("*")  # this engine has one number for all layers
    wrapped = weights.clustered(model, clusters, exclude=clustering.exclude)
    fit(wrapped, data, clustering.fine_tune, run.config, out)
    return weights.strip(wrapped, model)


def quantize(
    model: keras.Model, quantization: Quantization, run: Run, data: Data, out: Path
) -> keras.Model:
    """Trains a Keras 3 model for int8; returns a Keras 3 model that simulates it."""
    return simulate(model, quantization, run, data, out).to_keras()


def simulate(
    model: keras.Model, quantization: Quantization, run: Run, data: Data, out: Path
) -> Simulation:
    """Trains a Keras 3 model for int8; returns tfmot's `Simulation`."""
    calibration = required(quantization.calibration)
    drawn = data.train.take(chosen(len(data.train), calibration.images, calibration.seed))
    batches = (images for images, _ in data.batches(drawn))
    simulation = tfmot_engine.quantize(model, batches)
    fit(simulation.model, data, required(quantization.fine_tune), run.config, out)
    return simulation

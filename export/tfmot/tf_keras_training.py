"""Fine-tuning in tf_keras, for models that tfmot wrapped: the same data, optimizer and schedule."""

import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tf_keras

from kerascnn.config import Config, OptimizerConfig, SGDConfig
from kerascnn.console import console
from kerascnn.data import Data
from kerascnn.errors import UserError
from kerascnn.files import writable_folder
from kerascnn.training.callbacks import diverged
from kerascnn.training.history import write_history
from kerascnn.training.optimizers import is_kernel

from ..recipes.stages import FineTune


def fit(
    model: Any,
    data: Data,
    fine_tune: FineTune,
    config: Config,
    out: Path,
    *,
    callbacks: Sequence[Any] = (),
    first_eligible: int = 0,
) -> list[dict[str, float]]:
    """Trains a tf_keras model and leaves it with the weights of its best epoch.

    Args:
        model: takes raw pixels, gives logits. Changed in place.
        data: the `Data` of the run.
        fine_tune: epochs, and the peak of a learning rate that falls to zero on a cosine.
        config: of the run; its optimizer and seed are used.
        out: folder of history.csv.
        callbacks: more tf_keras callbacks.
        first_eligible: the first epoch, from 0, that may become the best one.

    Returns:
        The rows of history.csv.
    """
    steps, epochs = data.steps_per_epoch(), fine_tune.epochs
    rate = tf_keras.optimizers.schedules.CosineDecay(fine_tune.peak, epochs * steps)
    model.compile(
        make_optimizer(config.optimizer, rate, model.trainable_variables),
        tf_keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=[tf_keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
    )
    keeper = BestEpoch(writable_folder(out) / "history.csv", epochs, first_eligible)
    model.fit(
        data.training_batches(seed=config.training.seed, steps=epochs * steps),
        epochs=epochs,
        steps_per_epoch=steps,
        shuffle=False,
        verbose=0,
        validation_data=data.batches(data.validation),
        callbacks=[*callbacks, keeper],
    )
    return keeper.rows


def make_optimizer(config: OptimizerConfig, rate: Any, variables: Sequence[Any]) -> Any:
    """The optimizer of an `SGDConfig` in tf_keras; decay acts on kernels only.

    Raises:
        UserError: another optimizer.
    """
    if not isinstance(config, SGDConfig):
        raise UserError(
            f"optimizer.name: the engine tfmot trains with sgd, this run with {config.name}; take "
            "a recipe with 'engine: native'"
        )
    decay = config.weight_decay
    optimizer = SGD(
        rate,
        config.momentum,
        config.nesterov,
        weight_decay=decay if config.decoupled and decay else None,
        l2=0.0 if config.decoupled else decay,
        clipnorm=config.clipnorm,
        clipvalue=config.clipvalue,
        global_clipnorm=config.global_clipnorm,
    )
    optimizer.exclude_from_weight_decay([v for v in variables if not is_kernel(v)])
    return optimizer


class SGD(tf_keras.optimizers.SGD):
    """kerascnn.training.optimizers.KernelL2 for tf_keras: gradient + l2 x weight, kernels only."""

    def __init__(self, *args: Any, l2: float = 0.0, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.l2 = l2

    def update_step(self, gradient: Any, variable: Any) -> None:
        if self.l2 and is_kernel(variable):
            gradient = gradient + variable * self.l2
        super().update_step(gradient, variable)


class BestEpoch(tf_keras.callbacks.Callback):
    """Writes history, prints a line an epoch, and puts the best epoch's weights back at the end."""

    def __init__(self, history: Path, epochs: int, first_eligible: int) -> None:
        super().__init__()
        self.history, self.epochs, self.first_eligible = history, epochs, first_eligible
        self.rows, self.best, self.weights = [], -1.0, []

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.started, self.epoch = time.perf_counter(), epoch

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self._refuse(logs, "loss")

    def _refuse(self, logs, name):
        if not math.isfinite(loss := float(logs[name])):
            rate = float(self.model.optimizer.learning_rate)
            raise diverged(self.epoch, f"{name} is {loss}", rate, self.history)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        seconds = time.perf_counter() - self.started
        self._refuse(logs, "val_loss")
        numbers = {k: float(v) for k, v in (logs or {}).items()}
        rate = float(self.model.optimizer.learning_rate)
        self.rows.append({"epoch": epoch + 1, **numbers, "learning_rate": rate, "seconds": seconds})
        write_history(self.history, self.rows)
        if epoch >= self.first_eligible and numbers["val_accuracy"] > self.best:
            self.best = numbers["val_accuracy"]
            self.weights = [v.numpy() for v in self.model.variables]
        console.print(
            f"  epoch {epoch + 1}/{self.epochs}  loss {numbers['loss']:.4f}  "
            f"accuracy {numbers['accuracy']:.2%}  validation {numbers['val_accuracy']:.2%}  "
            f"{seconds:.1f} s",
            highlight=False,
        )

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        for variable, value in zip(self.model.variables, self.weights, strict=True):
            variable.assign(value)

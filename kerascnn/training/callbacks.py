"""What happens at the end of an epoch: a row of history, checkpoints, progress, a lower rate."""

import contextlib
import math
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import keras
import numpy as np

from kerascnn.config import PlateauSchedule
from kerascnn.errors import UserError
from kerascnn.files import replacing
from kerascnn.models.copying import copied
from kerascnn.training.checkpoints import save_checkpoint
from kerascnn.training.history import Row, best_epoch, plateau_rate, write_history


class Diverged(UserError):
    """A training whose loss or weights are not finite."""


class Finite(keras.callbacks.Callback):
    """Ends a training whose loss or weights are not finite, before anything of it is kept.

    Must stand before `Checkpoints` in the list of callbacks.

    Raises:
        Diverged: names the epoch, the learning rate and what there is to go back to.
    """

    def __init__(self, checkpoints: Path) -> None:
        super().__init__()
        self.checkpoints = checkpoints

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.epoch = epoch

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self._refuse(logs, "loss")

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        for name in ("loss", "val_loss"):
            self._refuse(logs, name)
        for variable in self.model.variables:
            if not np.isfinite(keras.ops.convert_to_numpy(variable)).all():
                raise diverged(
                    self.epoch, f"{variable.path} is not finite", self._rate(), self.checkpoints
                )

    def _refuse(self, logs, name):
        loss = float((logs or {}).get(name, 0.0))
        if not math.isfinite(loss):
            raise diverged(self.epoch, f"{name} is {loss}", self._rate(), self.checkpoints)

    def _rate(self):
        return float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))


def diverged(epoch: int, what: str, rate: float, checkpoints: Path) -> Diverged:
    """The `Diverged` of a training that diverged in `epoch`, counted from 0."""
    kept = f"{checkpoints} keeps epoch {epoch}" if epoch else "no epoch was finished"
    return Diverged(
        f"training diverged in epoch {epoch + 1}: {what}, at a learning rate of {rate:.6g}; "
        f"{kept}; lower the peak of the schedule"
    )


class Checkpoints(keras.callbacks.Callback):
    """Keeps `last.keras` (with the optimizer's state) and `best.keras` in `folder`, and `history`.

    Best is what `best_epoch` says. The row is written before the checkpoint: a run killed in
    between replays that epoch and writes the same row again. From `first_eligible` on (an epoch,
    counted from 0) a model may become the best one. steps: of an epoch.
    alone: what is saved within.
    """

    def __init__(
        self,
        folder: Path,
        rows: Sequence[Row],
        first_eligible: int,
        history: Path,
        steps: int,
        alone: Callable[[], AbstractContextManager[None]] = contextlib.nullcontext,
    ) -> None:
        super().__init__()
        self.alone = alone
        self.folder, self.history = Path(folder), history
        self.rows = list(rows)
        self.first_eligible, self.steps = first_eligible, steps
        self.copy = None

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.started = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        row = {"epoch": epoch + 1, **{k: float(v) for k, v in (logs or {}).items()}}
        row["learning_rate"] = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        row["seconds"] = time.perf_counter() - self.started
        self.rows.append(row)
        write_history(self.history, self.rows)
        if row is best_epoch(self.rows, self.first_eligible):
            with replacing(self.folder / "best.keras") as path, self.alone():
                self._kept().save(path)
        with replacing(self.folder / "last.keras") as path, self.alone():
            save_checkpoint(self.model, path, epoch=epoch + 1, steps=self.steps)

    def _kept(self):
        """The network, or a copy of it with the averages of its weights, where there are any."""
        network, averages = self.model.network, self.model.averages
        if not averages:
            return network
        self.copy = self.copy or copied(network)
        for weight, average in zip(self.copy.weights, averages, strict=True):
            weight.assign(keras.ops.convert_to_numpy(average))
        return self.copy


class ValidateAverages(keras.callbacks.Callback):
    """Validation sees the averages of the weights that an `Objective` keeps."""

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        self.model.swap_averages()

    def on_test_end(self, logs: dict[str, Any] | None = None) -> None:
        self.model.swap_averages()


class Plateau(keras.callbacks.Callback):
    """Sets the rate of the schedule "plateau" before each epoch, from the losses so far."""

    def __init__(self, schedule: PlateauSchedule, rows: Sequence[Row]) -> None:
        super().__init__()
        self.schedule = schedule
        self.losses = [row["val_loss"] for row in rows]

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.model.optimizer.learning_rate = plateau_rate(self.schedule, self.losses)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.losses.append((logs or {})["val_loss"])

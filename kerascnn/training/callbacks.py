"""What happens at the end of an epoch: a row of history, checkpoints, progress, a lower rate."""

import csv
import io
import time
from pathlib import Path

import keras
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from kerascnn.console import console
from kerascnn.errors import UserError
from kerascnn.files import replacing, write_text


class Checkpoints(keras.callbacks.Callback):
    """Keeps `last.keras` (with the optimizer's state) and `best.keras` in `folder`, and `history`.

    Best is the highest validation accuracy, of equals the lowest validation loss. The row is
    written before the checkpoint: a run killed in between replays that epoch and writes the same
    row again. From `settled` on (an epoch, counted from 0) a model may become the best one.
    """

    def __init__(self, folder, rows, settled, history):
        super().__init__()
        self.folder, self.history = Path(folder), history
        self.rows = list(rows)
        self.settled = settled

    def on_epoch_begin(self, epoch, logs=None):
        self.started = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        row = {"epoch": epoch + 1, **{k: float(v) for k, v in (logs or {}).items()}}
        row["learning_rate"] = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        row["seconds"] = time.perf_counter() - self.started
        self.rows.append(row)
        write_history(self.history, self.rows)
        if row is best_epoch(self.rows, self.settled):
            with replacing(self.folder / "best.keras") as path:
                self.model.save(path)
        with replacing(self.folder / "last.keras") as path:
            self.model.save(path)


def best_epoch(rows, settled=0):
    """The row of the best epoch from `settled` on; None before that."""
    eligible = rows[settled:]
    return max(eligible, key=lambda r: (r["val_accuracy"], -r["val_loss"]), default=None)


def write_history(path, rows):
    """Writes rows, a dict an epoch, as CSV."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({k: f"{v:.6g}" for k, v in row.items()})
    write_text(path, text.getvalue())


def read_history(path):
    """Reads what `write_history` wrote: a list of dicts of numbers."""
    try:
        with Path(path).open(encoding="utf-8", newline="") as file:
            rows = [{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)]
    except FileNotFoundError:
        raise UserError(f"no such file: {path}; train the run again") from None
    except (OSError, ValueError, TypeError, AttributeError):
        raise UserError(f"{path}: not a history of this program; train the run again") from None
    return rows


class Plateau(keras.callbacks.Callback):
    """Sets the rate of the schedule "plateau" before each epoch, from the losses so far."""

    def __init__(self, schedule, rows):
        super().__init__()
        self.schedule = schedule
        self.losses = [row["val_loss"] for row in rows]

    def on_epoch_begin(self, epoch, logs=None):
        self.model.optimizer.learning_rate = plateau_rate(self.schedule, self.losses)

    def on_epoch_end(self, epoch, logs=None):
        self.losses.append(logs["val_loss"])


def plateau_rate(schedule, losses):
    """The learning rate of the epoch that follows these validation losses."""
    epoch = len(losses)
    if epoch < schedule.warmup:
        return schedule.peak * (epoch + 1) / schedule.warmup
    rate, best, waited = schedule.peak, float("inf"), 0
    for loss in losses:
        waited = 0 if loss < best else waited + 1
        best = min(best, loss)
        if waited == schedule.patience:
            rate, waited = rate * schedule.factor, 0
    return rate


class EpochProgress(keras.callbacks.Callback):
    """A bar while an epoch runs, where a terminal watches, and a line when it is over."""

    def __init__(self, epochs, steps):
        super().__init__()
        self.epochs, self.steps = epochs, steps
        self.bar = None

    def on_epoch_begin(self, epoch, logs=None):
        self.started = time.perf_counter()
        if console.is_terminal:
            columns = (TextColumn("  {task.description}"), BarColumn(), TimeRemainingColumn())
            self.bar = Progress(*columns, console=console, transient=True)
            self.task = self.bar.add_task(f"epoch {epoch + 1}/{self.epochs}", total=self.steps)
            self.bar.start()

    def on_train_batch_end(self, batch, logs=None):
        if self.bar:
            self.bar.update(self.task, completed=batch + 1)

    def on_epoch_end(self, epoch, logs=None):
        if self.bar:
            self.bar.stop()
        logs = logs or {}
        console.print(
            f"  epoch {epoch + 1}/{self.epochs}  loss {logs['loss']:.4f}  "
            f"accuracy {logs['accuracy']:.2%}  validation {logs['val_accuracy']:.2%}  "
            f"{time.perf_counter() - self.started:.1f} s",
            highlight=False,
        )

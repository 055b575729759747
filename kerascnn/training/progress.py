"""What a training says while it runs: a bar where a terminal watches, and a line an epoch."""

import time
from typing import Any

import keras
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from kerascnn.console import console

EVERY = 0.2  # seconds between two looks at the speed


class EpochProgress(keras.callbacks.Callback):
    """Steps, images a second and the time that is left.

    Args:
        epochs, steps: of the training, and of an epoch. batch: images of a step.
    """

    def __init__(self, epochs: int, steps: int, batch: int) -> None:
        super().__init__()
        self.epochs, self.steps, self.batch = epochs, steps, batch
        self.bar, self.seconds = None, []

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.epoch, self.started = epoch, time.perf_counter()
        self.trained = None
        if console.is_terminal:
            self.told = self.started
            told = TextColumn("{task.fields[told]}")
            columns = (TextColumn("  {task.description}"), BarColumn(), MofNCompleteColumn(), told)
            self.bar = Progress(*columns, console=console, transient=True)
            name = f"epoch {epoch + 1}/{self.epochs}"
            self.task = self.bar.add_task(name, total=self.steps, told="")
            self.bar.start()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if self.bar and time.perf_counter() > self.told + EVERY:
            self.told = time.perf_counter()
            each = (self.told - self.started) / (batch + 1)
            left = each * (self.steps - batch - 1) + self._other_epochs(each * self.steps)
            told = f"{self.batch / each:,.0f} images/s  {duration(left)} left"
            self.bar.update(self.task, completed=batch + 1, told=told)

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        self.trained = self.trained or time.perf_counter()

    def close(self) -> None:
        """Takes the bar away, also where an epoch ends early: it hides a terminal's cursor."""
        if self.bar:
            self.bar.stop()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.close()
        logs = logs or {}
        ended = time.perf_counter()
        self.seconds.append(ended - self.started)
        speed = self.steps * self.batch / ((self.trained or ended) - self.started)
        left = self._other_epochs(self.seconds[-1])
        console.print(
            f"  epoch {epoch + 1}/{self.epochs}  loss {logs['loss']:.4f}  "
            f"accuracy {logs['accuracy']:.2%}  validation {logs['val_accuracy']:.2%}  "
            + (f"mean IoU {logs['val_mean_iou']:.2%}  " if "val_mean_iou" in logs else "")
            + f"{self.seconds[-1]:.1f} s  {speed:,.0f} images/s"
            + (f"  {duration(left)} left" if epoch + 1 < self.epochs else ""),
            highlight=False,
        )

    def _other_epochs(self, latest):
        """Seconds that the epochs after this one take, as the last ones did but for the first."""
        known = self.seconds[1:][-5:] or [latest]
        return (self.epochs - self.epoch - 1) * sum(known) / len(known)


def duration(seconds: float) -> str:
    """A time in the unit that fits: 43 s, 12 min, 3.4 h."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"

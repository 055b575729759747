"""history.csv, a row an epoch: what the best epoch and a falling learning rate are found by."""

import csv
import io
import math
from collections.abc import Sequence
from pathlib import Path

from kerascnn.config import PlateauSchedule
from kerascnn.errors import UserError
from kerascnn.files import write_text

Row = dict[str, float]  # of an epoch: column of history.csv -> number; "epoch" is an int, from 1


def best_epoch(rows: Sequence[Row], first_eligible: int = 0) -> Row | None:
    """The row of the best epoch from `first_eligible` on; None before that.

    Best is the highest validation accuracy, of equals the lowest validation loss.
    """
    eligible = rows[first_eligible:]
    return max(eligible, key=lambda r: (r["val_accuracy"], -r["val_loss"]), default=None)


def write_history(path: Path, rows: Sequence[Row]) -> None:
    """Writes rows, a dict an epoch, as CSV. Numbers are read back exactly as they were."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({k: repr(v) for k, v in row.items()})
    write_text(path, text.getvalue())


def read_history(path: str | Path) -> list[Row]:
    """Reads what `write_history` wrote: a list of dicts of numbers."""
    try:
        with Path(path).open(encoding="utf-8", newline="") as file:
            rows = [{k: _number(k, v) for k, v in row.items()} for row in csv.DictReader(file)]
    except FileNotFoundError:
        raise UserError(f"no such file: {path}; train the run again") from None
    except (OSError, ValueError, TypeError, AttributeError, OverflowError, csv.Error):
        raise UserError(f"{path}: not a history of this program; train the run again") from None
    return rows


def _number(column, text):
    return int(float(text)) if column == "epoch" else float(text)


def rows_of(path: Path, done: int, checkpoint: Path) -> list[Row]:
    """The rows of a history.csv for a checkpoint, a file, of `done` epochs.

    A row is written before its checkpoint: there may be one row more, which will come again.

    Raises:
        UserError: rows are missing or too many, out of order, or without what epochs are
            compared by.
    """
    rows = read_history(path)
    epochs = [row.get("epoch") for row in rows]
    if epochs != list(range(1, len(rows) + 1)) or len(rows) not in (done, done + 1):
        raise UserError(
            f"{path}: holds {len(rows)} epochs that do not fit the {done} of {checkpoint}; "
            "put the history back, or remove both to begin anew"
        )
    for row in rows:
        if not all(math.isfinite(row.get(key, math.nan)) for key in ("val_accuracy", "val_loss")):
            raise UserError(
                f"{path}: epoch {row['epoch']} lacks val_accuracy or val_loss; "
                f"put the history back, or remove it and {checkpoint} to begin anew"
            )
    return rows[:done]


def plateau_rate(schedule: PlateauSchedule, losses: Sequence[float]) -> float:
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

"""What evaluate prints: a line, the calibration, the classes and who is taken for whom."""

import numpy as np

from kerascnn.console import console
from kerascnn.evaluation import class_results
from kerascnn.tables import Column, Table

from ..delivery.assessment import Assessment

MOST_COLUMNS = 20  # classes of a confusion matrix that is printed whole
MOST_PAIRS = 25  # of a larger one, the most frequent


def say(found: Assessment, *, per_class: bool, confusion: bool) -> None:
    """Prints an assessment, with the tables that are asked for."""
    result = found.evaluation
    kind = f"{found.evidence.split} " if found.evidence.split else ""
    top5 = f"  top-5 {result.top5:.2%}" if result.top5 is not None else ""
    console.print(f"{result.images} {kind}images: top-1 {result.top1:.2%}{top5}")
    if found.evidence.told:
        console.print(f"  {found.evidence.told}", highlight=False)
    line = f"  expected calibration error {result.calibration_error:.2%}"
    if result.temperature is not None:
        line += (
            f"; {result.calibrated_error:.2%} at temperature {result.temperature:.3f}, fitted on "
            f"{found.fitted_on:,} other images"
        )
    console.print(line)
    if per_class:
        console.print(class_table(result.confusion, found.names))
    if confusion:
        console.print(confusion_table(result.confusion, found.names))


def class_table(confusion: np.ndarray, names: tuple[str, ...]) -> Table:
    """A line a class: images, recall, precision, and what it is taken for."""
    numbers = [Column(heading, right=True) for heading in ("images", "recall", "precision")]
    table = Table("class", *numbers, "taken for", Column("times", right=True))
    for row in class_results(confusion, names):
        shares = ("" if x is None else f"{x:.1%}" for x in (row.recall, row.precision))
        times = str(row.times) if row.times else ""
        table.add(row.label, f"{row.images:,}", *shares, row.taken_for, times)
    return table


def confusion_table(confusion: np.ndarray, names: tuple[str, ...]) -> Table:
    """The matrix, rows the truth and columns the answer; of many classes the frequent mistakes."""
    if len(names) <= MOST_COLUMNS:
        columns = [Column(name, right=True) for name in names]
        table = Table("truth, answers", *columns, title="who is taken for whom")
        for name, row in zip(names, confusion, strict=True):
            table.add(name, *(f"{n:,}" if n else "" for n in row))
        return table
    others = confusion - np.diag(np.diag(confusion))
    table = Table("truth", "answer", Column("times", right=True), title="the frequent mistakes")
    for place in np.argsort(-others.ravel(), kind="stable")[:MOST_PAIRS]:
        truth, answer = divmod(int(place), len(names))
        if others[truth, answer]:
            table.add(names[truth], names[answer], f"{others[truth, answer]:,}")
    return table

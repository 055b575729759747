"""Images of one's own that a CSV file lists: path, label and, if one likes, split."""

import csv
import os
from pathlib import Path

import numpy as np

from kerascnn.data.folders import VALIDATION, every_fifth, files_split
from kerascnn.data.splits import Source
from kerascnn.errors import UserError
from kerascnn.files import readable_file

MOST_BYTES = 2**31  # of the file; a million lines have a hundred million
COLUMNS = ("path", "label", "split")
SPLITS = {"train": "train", "test": "test", **dict.fromkeys(VALIDATION, "validation")}


def image_list(path: str | Path) -> Source:
    """Images that a CSV file lists, with columns `path` and `label` and perhaps `split`.

    Paths are relative to the file's folder. Labels are the names of classes, in the order of
    numbers where all are whole numbers, else of letters. `split` is train, val or test; without
    it, or without a test image, every fifth image of each class is a test image.

    Raises:
        UserError: a line that lacks something, a class without enough images, a file that is none.
    """
    file = readable_file(path, most=MOST_BYTES)
    rows = _rows(file)
    names = _in_order({row["label"] for row in rows})
    if len(names) < 2:
        raise UserError(f"{file}: expected 2 or more classes in the column 'label'")
    numbers = {name: i for i, name in enumerate(names)}
    rows.sort(key=lambda row: (numbers[row["label"]], row["path"]))
    labels = np.array([numbers[row["label"]] for row in rows])
    whole = files_split([os.path.join(file.parent, row["path"]) for row in rows], labels)  # noqa: PTH118, of a million
    parts = np.array([SPLITS[row["split"]] for row in rows])
    tested, chosen = parts == "test", parts == "validation"
    if not tested.any():
        tested = np.zeros(len(rows), bool)
        tested[~chosen] = every_fifth(labels[~chosen])
    trained = ~tested & ~chosen
    for mask, least, to in (
        (trained, 1 if chosen.any() else 2, "train" if chosen.any() else "train and validate"),
        (tested, 1, "test"),
        *([(chosen, 1, "validate")] if chosen.any() else []),
    ):
        counts = np.bincount(labels[mask], minlength=len(names))
        if counts.min() < least:
            name = names[int(counts.argmin())]
            raise UserError(
                f"{file}: {counts.min()} images of the class {name!r} to {to} on, "
                f"expected at least {least}"
            )
    validation = whole.take(chosen) if chosen.any() else None
    return Source(
        whole.take(trained), whole.take(tested), tuple(names), None, validation=validation
    )


def _rows(file):
    """A dict of path, label and split for each line."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream, strict=True)
            found = [name for name in reader.fieldnames or () if name in COLUMNS]
            if not {"path", "label"} <= set(found):
                raise UserError(
                    f"{file}: expected a first line with the columns path and label (and split), "
                    f"got {','.join(reader.fieldnames or ())[:80]!r}"
                )
            rows = [_row(file, reader.line_num, line) for line in reader]
    except (csv.Error, UnicodeDecodeError) as error:
        raise UserError(f"{file}: not a CSV file in UTF-8: {error}") from None
    if not rows:
        raise UserError(f"{file}: lists no images")
    return rows


def _row(file, number, line):
    row = {name: (line.get(name) or "").strip() for name in COLUMNS}
    for name in ("path", "label"):
        if not row[name]:
            raise UserError(f"{file}, line {number}: the column {name!r} is empty")
    if "\0" in row["path"]:
        raise UserError(f"{file}, line {number}: a path with a zero byte")
    row["split"] = row["split"].lower() or "train"
    if row["split"] not in SPLITS:
        raise UserError(
            f"{file}, line {number}: split {row['split']!r}, expected {', '.join(SPLITS)}"
        )
    return row


def _in_order(names):
    """Sorted as numbers where all of them are whole numbers."""
    whole = all(name.isascii() and name.isdigit() and len(name) < 19 for name in names)
    return sorted(names, key=(lambda name: (int(name), name)) if whole else None)

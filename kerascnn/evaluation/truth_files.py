"""Files that say what flat images show: an image name and a label a line, or a label a line."""

import csv
import re
from pathlib import Path

from kerascnn.data import IMAGE_SUFFIXES
from kerascnn.errors import UserError
from kerascnn.files import readable_file

MOST_BYTES = 2**28
GROUND_TRUTH = "ILSVRC2012_validation_ground_truth.txt"
NAMES = (GROUND_TRUTH, "LOC_val_solution.csv", "val.txt", "labels.txt", "labels.csv")
WORDNET_ID = re.compile(r"n\d{8} ")  # boxes stand behind it
BELOW = (".", "data", "devkit/data", "ILSVRC2012_devkit_t12/data")


def find_truth(*folders: Path) -> Path | None:
    """The file of labels in or beside these folders, or in a development kit in them.

    Raises:
        UserError: several of them, which might say different things.
    """
    places = dict.fromkeys(
        (place / below).resolve()
        for folder in folders
        for place in (folder, folder.absolute().parent)
        for below in BELOW
    )
    found = [place / name for place in places for name in NAMES if (place / name).is_file()]
    if len(found) > 1:
        raise UserError(
            f"{found[0]} and {found[1]} both say what the images show; choose with --truth FILE"
        )
    return found[0] if found else None


def read_truth(path: Path, images: list[str]) -> dict[str, str]:
    """Reads a file of labels: name of an image file -> its label, as it is written.

    Args:
        path: with a label a line, in the order of the sorted names, or a name and a label a line,
            divided by a comma, a tab or blanks; boxes behind a WordNet id in a .csv file are not
            read. Names may lack their suffix or have folders in front.
        images: names of the image files, sorted.

    Raises:
        UserError: no text, or as many labels as there are not images.
    """
    path = readable_file(path, most=MOST_BYTES)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise UserError(f"{path}: expected a text file of labels, in UTF-8") from None
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        raise UserError(f"{path}: is empty, expected a label for each of {len(images):,} images")
    by_stem = {Path(name).stem: name for name in images}
    if len(lines) == len(images) and _image(lines[0], by_stem) is None:
        return dict(zip(images, lines, strict=True))
    pairs = [_pair(path, line) for line in lines]
    if _image(pairs[0][0], by_stem) is None and len(pairs) > 1:
        pairs = pairs[1:]  # a line of headings
    found = {}
    for name, label in pairs:
        image = _image(name, by_stem)
        if image is None and not label:
            raise UserError(
                f"{path}: {len(lines):,} labels for {len(images):,} images, expected one each"
            )
        found[image or name] = label
    return found


def _pair(path, line):
    if path.suffix == ".csv":
        name, label = (*next(csv.reader([line])), "")[:2]
        word = label.strip()
        return name.strip(), word.split(" ")[0] if WORDNET_ID.match(word) else word
    for mark in ("\t", ",", " "):
        if mark in line:
            name, label = line.split(mark, 1)
            return name.strip(), label.strip()
    return line, ""


def _image(name, by_stem):
    """The image file that a line of a file of labels names, or None."""
    name = name.split(",")[0].split("\t")[0].split(" ")[0].replace("\\", "/").rsplit("/", 1)[-1]
    stem = name.rsplit(".", 1)[0] if Path(name).suffix.lower() in IMAGE_SUFFIXES else name
    return by_stem.get(stem)

"""Images and their classes, in any of the layouts that validation images usually come in.

    FOLDER/CLASS/*.jpg           a folder a class; a class is a label, a WordNet id, or a number
    FOLDER/*.jpg and a text      ImageNet's own: flat, with the labels in a file beside it
    FOLDER/val/...               either of them, one folder below: val, validation or test

The file of labels is `ILSVRC2012_validation_ground_truth.txt` (a number a line, in the order of the
names), `LOC_val_solution.csv` (name, WordNet id and boxes), or `val.txt` (name and label a line).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kerascnn.data import IMAGE_SUFFIXES
from kerascnn.errors import UserError, unknown
from kerascnn.evaluation.class_numbers import ClassNames, numbers_of
from kerascnn.evaluation.truth_files import find_truth, read_truth

BELOW = ("val", "validation", "test", "ILSVRC2012_img_val", "images")  # the first that is there
# What stands beside those; folders of other names are classes.
BESIDE = {*BELOW, "train", "data", "devkit", "ILSVRC2012_img_train", "ILSVRC2012_devkit_t12"}


@dataclass(frozen=True)
class LabelledImages:
    """paths: of the images. labels: (n,) int64, their classes. names: of the classes, or None.
    told: a line on what was found and how the labels were read."""

    paths: list[Path]
    labels: np.ndarray
    names: tuple[str, ...] | None
    told: str


def labelled_images(
    folder: Path,
    *,
    classes: int,
    called: object,
    labels: Sequence[str] | None = None,
    truth: Path | None = None,
    numbering: str | None = None,
) -> LabelledImages:
    """Finds the images in a folder and the class of each.

    Args:
        classes: how many the network has. called: what messages call it.
        labels: its classes by name, where they are known.
        truth: the file of labels of a flat folder; by default the one that is found beside it.
        numbering: what a number in that file is: "zero" or "one", the place in the network's order
            counted from there, or "devkit", that of ImageNet's development kit. By default what
            the file itself tells.

    Raises:
        UserError: no images, a class that is none of the network's, a file of labels that is
            missing, misfits or can be read in two ways.
    """
    root = Path(folder)
    if not root.is_dir():
        raise UserError(f"no such folder: {root}")
    place = _images_place(root)
    known = ClassNames(classes, tuple(labels) if labels else None)
    folders, files = _contents(place)
    if files and (truth or not folders):
        return _flat(root, place, files, known, truth, numbering)
    if truth or numbering:
        raise UserError(f"{place}: no flat folder of images, which a file of labels is for")
    if not folders:
        raise UserError(f"{place}: expected a folder for each class, or images, got none")
    return _class_folders(place, folders, known, called)


def _images_place(root):
    """The folder that holds class folders or images: root, or one below it."""
    folders, files = _contents(root)
    names = {folder.name for folder in folders}
    if files or not names:
        return root
    below = next((name for name in BELOW if name in names), None)
    return root / below if below and names <= BESIDE else root


def _contents(folder):
    """(class folders, image files) of a folder, sorted by name, hidden ones left out."""
    entries = sorted(p for p in folder.iterdir() if not p.name.startswith("."))
    files = [p for p in entries if p.suffix.lower() in IMAGE_SUFFIXES]
    return [p for p in entries if p.is_dir()], files


def _class_folders(place, folders, known, called):
    names = [folder.name for folder in folders]
    numbers = known.of_folders(names)
    if numbers is None:
        if known.labels is not None:
            wrong = next(name for name in names if known.number(name) is None)
            raise UserError(f"{place}: {unknown('label', wrong, known.labels)}")
        if len(names) != known.classes:
            raise UserError(
                f"{place}: {len(names)} class folders for the {known.classes} classes of {called}; "
                "say which class is which with --labels FILE.txt"
            )
        numbers, known = range(len(names)), ClassNames(known.classes, tuple(names))
    paths, found = [], []
    for folder, number in zip(folders, numbers, strict=True):
        images = _contents(folder)[1]
        paths += images
        found += [number] * len(images)
    if not paths:
        raise UserError(f"{place}: no image in its class folders; {sorted(IMAGE_SUFFIXES)}")
    told = f"{len(paths):,} images in {len(folders):,} class folders of {place}"
    return LabelledImages(paths, np.array(found, np.int64), known.labels, told)


def _flat(root, place, files, known, truth, numbering):
    source = Path(truth) if truth else find_truth(root, place)
    if source is None:
        raise UserError(
            f"{place}: {len(files):,} images without class folders; say what they show with "
            "--truth FILE, as val.txt, LOC_val_solution.csv or "
            "ILSVRC2012_validation_ground_truth.txt"
        )
    stated = read_truth(source, [path.name for path in files])
    numbers, how = numbers_of(stated, known, source, numbering, near=[place, root])
    paths = [path for path in files if path.name in stated]
    if len(paths) < len(stated):
        absent = next(name for name in stated if not (place / name).is_file())
        raise UserError(
            f"{source}: names {len(stated):,} images, of which {len(stated) - len(paths):,} are "
            f"not in {place}, as {absent!r}"
        )
    labels = np.array([numbers[path.name] for path in paths], np.int64)
    told = f"{len(paths):,} images of {place}, labels of {source.name}, {how}"
    if left := len(files) - len(paths):
        told += f"; {left:,} images that it does not name are left out"
    return LabelledImages(paths, labels, known.labels, told)

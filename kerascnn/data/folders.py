"""Images of one's own in class folders: which are taken, which are not, and what cannot be trained.

Every file is looked at once, when the folder is opened: by its header, never decoded. What was
found is remembered (`remembered`).
"""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from kerascnn.data.headers import IMAGE_SUFFIXES
from kerascnn.data.remembered import orientations_of
from kerascnn.data.splits import Source, Split
from kerascnn.errors import UserError

FEW = 10  # classes, or reasons, that are told one by one
LONGEST_SUFFIX = 8  # of a file that is told by it
VALIDATION = ("val", "valid", "validation")
PARTS = ("train", *VALIDATION, "test")  # sub-folders that hold class folders


def image_folder(path: str | Path) -> Source:
    """Images in class folders: `path`/CLASS/*.jpg, or `path`/train/CLASS and `path`/test/CLASS.

    Beside train/ and test/ may stand val/ (or validation/), with the images to choose by. Beside
    train/ alone, as ImageNet has it, val/ holds the test images. Without train/, every fifth image
    of each class, in the order of names, is a test image; of a class of fewer than five, the last.

    Raises:
        UserError: no class folders, a class with too few images to train, validate and test on, or
            a file that is called an image and is none.
    """
    root = Path(path)
    if not root.is_dir():
        raise UserError(f"no such folder: {root}")
    left_out = Counter()
    parts = {name: root / name for name in PARTS if (root / name).is_dir()}
    chosen = next((parts[name] for name in VALIDATION if name in parts), None)
    tested = parts.get("test", chosen)
    if "train" not in parts or tested is None:
        names = _classes(root, left_out)
        whole = _scan(root, names, left_out, least=3, to="train, to validate and to test on")
        held_out = every_fifth(whole.labels)
        train, test = whole.take(~held_out), whole.take(held_out)
        return Source(train, test, tuple(names), None, dict(+left_out))

    used = {parts["train"], tested, *([chosen] if chosen else [])}
    others = len(list(root.iterdir())) - len(used)
    left_out[f"beside {' and '.join(f'{p.name}/' for p in sorted(used, reverse=True))}"] = others
    names = _classes(parts["train"], left_out)
    for part in used - {parts["train"]}:
        _same_classes(root, names, _classes(part, left_out), part.name)
    own = chosen is not None and chosen != tested
    least, to = (1, "train on") if own else (2, "train and to validate on")
    train = _scan(parts["train"], names, left_out, least=least, to=to)
    test = _scan(tested, names, left_out, least=1, to="test on")
    validation = _scan(chosen, names, left_out, least=1, to="validate on") if own else None
    return Source(train, test, tuple(names), None, dict(+left_out), validation)


def summary(counts: Sequence[int], names: Sequence[str], left_out: Mapping[str, int]) -> str:
    """Returns a line for who trains: how many images of which class, and what was not taken.

    counts: images of each of `names`. left_out: as a `Source` has it.
    """
    if len(names) <= FEW:
        each = ", ".join(f"{name} {n:,}" for name, n in zip(names, counts, strict=True))
    else:
        least, most = int(np.argmin(counts)), int(np.argmax(counts))
        each = f"{counts[least]:,} ({names[least]}) to {counts[most]:,} ({names[most]}) of each"
    text = f"{sum(counts):,} images of {len(names):,} classes: {each}"
    if left_out:
        reasons = [f"{n:,} {reason}" for reason, n in Counter(left_out).most_common(FEW)]
        more = ["..."] if len(left_out) > FEW else []
        text += f"; {sum(left_out.values()):,} not taken: {', '.join(reasons + more)}"
    return text


def _classes(folder, left_out):
    with os.scandir(folder) as entries:
        found = [(e.name, e.is_dir()) for e in entries]
    names = sorted(name for name, is_folder in found if is_folder and not name.startswith("."))
    left_out["beside the class folders"] += len(found) - len(names)
    for name in names:
        try:
            name.encode()
        except UnicodeEncodeError:
            raise UserError(f"{folder}/{name}: the name of a class has to be UTF-8") from None
    if len(names) < 2:
        raise UserError(f"{folder}: expected a folder for each of 2 or more classes")
    return names


def _same_classes(root, trained, tested, called):
    """UserError for the first class that one of the folders train/ and `called` lacks."""
    for part, names, others in ((called, tested, trained), ("train", trained, tested)):
        for name in others:
            if name not in names:
                raise UserError(
                    f"{root / part}: lacks the class {name!r}, which is in its sister folder; "
                    "both have to have every class"
                )


def _scan(folder, names, left_out, *, least, to):
    """The `Split` of all class folders; UserError for a class of fewer than `least` images."""
    paths, labels = [], []
    for label, name in enumerate(names):
        found = _images(folder / name, left_out)
        if len(found) < least:
            raise UserError(
                f"{folder / name}: {len(found)} images ({', '.join(sorted(IMAGE_SUFFIXES))}), "
                f"expected at least {least}, to {to}; sub-folders are not looked into"
            )
        paths += found
        labels += [label] * len(found)
    return files_split(paths, labels)


def files_split(paths: Sequence[str], labels: Sequence[int] | np.ndarray) -> Split:
    """The `Split` of image files; UserError for the first that is no image, by its header."""
    encoded = np.array([os.fsencode(path) for path in paths])
    return Split(encoded, np.array(labels, np.int32), orientations_of(encoded))


def _images(folder, left_out):
    """The sorted paths of the images in a class folder; counts the rest in `left_out`."""
    found = []
    with os.scandir(folder) as entries:
        for entry in entries:
            suffix = os.path.splitext(entry.name)[1].lower()  # noqa: PTH122, of a million names
            if entry.name.startswith("."):
                left_out["hidden"] += 1
            elif entry.is_dir():
                left_out["in sub-folders"] += len(os.listdir(entry))  # noqa: PTH208
            elif suffix in IMAGE_SUFFIXES:
                found.append(entry.path)
            else:
                left_out[suffix if 0 < len(suffix) <= LONGEST_SUFFIX else "of other names"] += 1
    return sorted(found)


def every_fifth(labels: np.ndarray) -> np.ndarray:
    """A mask of every fifth of each class; of the last of a class of fewer. labels are sorted."""
    _, starts, counts = np.unique(labels, return_index=True, return_counts=True)
    sizes = np.repeat(counts, counts)
    places = np.arange(len(labels)) - np.repeat(starts, counts)
    return (places % 5 == 4) | ((sizes < 5) & (places == sizes - 1))

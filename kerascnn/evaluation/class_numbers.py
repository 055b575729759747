"""Which class of a network a word or a number means: a label, a WordNet id, one of two numberings.

ImageNet's development kit numbers the classes in an order of its own, from 1; networks have them in
the order of their WordNet ids, from 0. Both are whole numbers up to 1000, and taking one for the
other gives 0.1 % accuracy.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from kerascnn.errors import UserError, unknown
from kerascnn.extras import require
from kerascnn.files import readable_file
from kerascnn.models.weights.imagenet import CLASSES, imagenet_classes

NUMBERINGS = ("zero", "one", "devkit")
FIRST = tuple(f"ILSVRC2012_val_{n:08d}" for n in range(1, 11))  # of ImageNet's validation images
# What the first images show, in the order of WordNet ids and in the development kit's.
BY_ID = (65, 970, 230, 809, 516, 57, 334, 415, 674, 332)
BY_KIT = (490, 361, 171, 822, 297, 482, 13, 704, 599, 164)
SIGNATURES = {
    "zero": BY_ID,
    "one": tuple(n + 1 for n in BY_ID),
    "devkit": BY_KIT,
}
MOST_BYTES = 2**24  # of a file that lists the classes
KIT_FILES = ("map_clsloc.txt", "meta.mat")
KIT_PLACES = (".", "data", "devkit/data", "ILSVRC2012_devkit_t12/data")


@dataclass(frozen=True)
class ClassNames:
    """The classes of a network: how many, and their labels where they are known."""

    classes: int
    labels: tuple[str, ...] | None

    def number(self, word: str) -> int | None:
        """The class that a label, however its blanks and capitals are written, or an id means."""
        return self._exact.get(word, self._alike.get(plain(word)))

    def of_folders(self, names: list[str]) -> list[int] | None:
        """The class of each folder: by label, by id, or by number; None where one has none."""
        found = [n for name in names if (n := self.number(name)) is not None]
        if len(found) == len(names):
            return found
        if (self.labels and not self.is_imagenet) or not all(name.isdecimal() for name in names):
            return None
        numbers = [int(name) for name in names]
        return numbers if min(numbers) == 0 and max(numbers) < self.classes else None

    @cached_property
    def _exact(self):
        known = {label: i for i, label in enumerate(self.labels or ())}
        if self.is_imagenet:
            known |= {synset.id: i for i, synset in enumerate(imagenet_classes())}
        return known

    @cached_property
    def _alike(self):
        """Plain forms that one label alone has."""
        forms = [plain(label) for label in self.labels or ()]
        return {form: i for i, form in enumerate(forms) if forms.count(form) == 1}

    @property
    def is_imagenet(self) -> bool:
        """Whether a WordNet id says which class it is."""
        if self.classes != CLASSES:
            return False
        names = tuple(synset.name for synset in imagenet_classes())
        return self.labels is None or self.labels == names


def plain(word: str) -> str:
    """A label in small letters, with a blank for each run of blanks, underscores and dashes."""
    return re.sub(r"[\s_-]+", " ", word.strip().lower())


def numbers_of(
    stated: dict[str, str],
    known: ClassNames,
    source: Path,
    numbering: str | None = None,
    near: Sequence[Path] = (),
) -> tuple[dict[str, int], str]:
    """The classes, 0, 1, ..., of images whose labels are given as they are written.

    Args:
        stated: name of an image file -> its label. source: the file they are from.
        numbering: what numbers are, one of `NUMBERINGS`; by default what they tell themselves.
        near: folders that may hold the development kit's list of classes, beside the source's own.

    Returns:
        name -> class, and how the labels were read.

    Raises:
        UserError: a label that no class has, or numbers that can be read in two ways.
    """
    if numbering is not None and numbering not in NUMBERINGS:
        raise unknown("numbering", numbering, NUMBERINGS)
    named = {name: n for name, word in stated.items() if (n := known.number(word)) is not None}
    if numbering is None and len(named) == len(stated):
        return named, "by name"
    values = {name: int(w) for name, w in stated.items() if re.fullmatch(r"[+-]?\d{1,9}", w)}
    if len(values) < len(stated):
        words = [w for name, w in stated.items() if name not in values]
        wrong = next((w for w in words if known.number(w) is None), words[0])
        if known.labels is None:
            raise UserError(f"{source}: {wrong!r} is no number; say the classes with --labels FILE")
        raise UserError(f"{source}: {unknown('label', wrong, known.labels)}")
    numbering = numbering or _told_by(values, known, source)
    if numbering == "devkit":
        return _of_kit(values, known, source, [source.parent, *near]), "numbered as the devkit does"
    start = NUMBERINGS.index(numbering)
    wrong = next((v for v in values.values() if not start <= v < known.classes + start), None)
    if wrong is not None:
        raise UserError(
            f"{source}: a label {wrong}, expected {start} to {known.classes - 1 + start}"
        )
    return {name: value - start for name, value in values.items()}, f"numbered from {numbering}"


def _told_by(values, known, source):
    """The numbering that the numbers themselves tell; UserError where they tell none."""
    first = {Path(name).stem: value for name, value in values.items()}
    seen = [(i, first[stem]) for i, stem in enumerate(FIRST) if stem in first]
    if seen and known.classes == CLASSES:
        for numbering, signature in SIGNATURES.items():
            if all(signature[i] == value for i, value in seen):
                return numbering
    least, most = min(values.values()), max(values.values())
    if least <= 0 or most > known.classes:
        return "zero"
    if most == known.classes and not known.is_imagenet:
        return "one"
    orders = "one or devkit" if known.is_imagenet and most == known.classes else "zero or one"
    if known.is_imagenet and most < known.classes:
        orders = "zero, one or devkit"
    raise UserError(
        f"{source}: labels from {least} to {most} for {known.classes} classes can be read in more "
        f"than one way; say --numbering {orders}"
    )


def _of_kit(values, known, source, near):
    """Classes of the development kit's numbers."""
    if not known.is_imagenet:
        raise UserError(
            f"{source}: the devkit numbers ImageNet's {CLASSES} classes; these are other classes"
        )
    places = [place / below for place in near for below in KIT_PLACES]
    found = [place / name for place in places for name in KIT_FILES if (place / name).is_file()]
    if not found:
        raise UserError(
            f"{source}: numbered as ImageNet's development kit does; put its "
            f"{' or '.join(KIT_FILES)}, which says what the numbers are, beside it"
        )
    ids = _kit_ids(found[0])
    numbers = {kit: n for kit in ids if (n := known.number(ids[kit])) is not None}
    missing = next((v for v in values.values() if v not in numbers), None)
    if missing is not None:
        raise UserError(f"{source}: a label {missing}, which {found[0]} does not list")
    return {name: numbers[value] for name, value in values.items()}


def _kit_ids(path):
    """number in the development kit -> WordNet id."""
    path = readable_file(path, most=MOST_BYTES)
    if path.suffix == ".mat":
        require("imagenet", str(path))
    try:
        if path.suffix == ".mat":
            from scipy.io import loadmat

            rows = loadmat(path, squeeze_me=True)["synsets"]
            return {int(row["ILSVRC2012_ID"]): str(row["WNID"]) for row in rows}
        lines = [line.split() for line in path.read_text(encoding="utf-8").splitlines() if line]
        return {int(line[1]): line[0] for line in lines}
    except Exception as error:  # of a file that is none of the kit's; scipy has a dozen kinds
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(f"{path}: not the list of classes of the devkit: {reason[:200]}") from None

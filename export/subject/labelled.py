"""What a classifier takes and gives, and arrays that come with what they show."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kerascnn.errors import UserError

from .images import FEW, TARGETS, arrays_in
from .meaning import class_numbers


@dataclass(frozen=True)
class Ends:
    """What a classifier takes and gives.

    shape: of its input without the batch, None where a size is open. pixels: whether it takes
    pixels, 0..255. resize: the rule that images are brought to its size by. labels: its classes, or
    None where nobody says. classes: how many there are.
    """

    shape: tuple[int | None, ...]
    pixels: bool
    resize: str
    labels: tuple[str, ...] | None
    classes: int


def refuse_images(ends: Ends, called: Path) -> None:
    """UserError where image files cannot be made into what a classifier takes."""
    shape = ends.shape
    if None in shape:
        raise UserError(
            f"{called}: takes images of any size, {shape}; say which with --size, or give arrays"
        )
    if not ends.pixels or len(shape) != 3 or shape[2] not in (1, 3):
        raise UserError(
            f"{called}: takes numbers of {shape}, and how images become those is not in it; begin "
            "it with a Rescaling layer, or evaluate it on --images FILE.npz"
        )


def labelled_arrays(path: Path, ends: Ends) -> tuple[np.ndarray, np.ndarray]:
    """The inputs, (n, ...), and the class numbers, (n,), in an .npz file.

    Raises:
        UserError: no labels in it, none or several other arrays, or what does not fit the model.
    """
    stored = arrays_in(Path(path))
    left = dict(stored) if isinstance(stored, dict) else {}
    found = [left.pop(name) for name in TARGETS if name in left]
    if len(found) != 1 or len(left) != 1:
        listed = ", ".join(list(left)[:FEW]) or "none"
        raise UserError(
            f"{path}: expected an .npz file of two arrays, the inputs and {' or '.join(TARGETS)}, "
            f"got {len(found)} of labels and {listed[:200]}"
        )
    (inputs,), targets = left.values(), np.asarray(found[0])
    fits = inputs.ndim == len(ends.shape) + 1 and all(
        n in (None, m) for n, m in zip(ends.shape, inputs.shape[1:], strict=True)
    )
    if not fits or inputs.dtype.kind not in "iuf" or not np.isfinite(inputs).all():
        raise UserError(
            f"{path}: expected finite numbers of (n, {', '.join(map(str, ends.shape))}), got "
            f"{inputs.dtype} {inputs.shape}"
        )
    if ends.pixels and (inputs.min(initial=0) < 0 or not 1 < inputs.max(initial=0) <= 255):
        raise UserError(
            f"{path}: the model takes pixels: expected 0..255, got "
            f"{inputs.min(initial=0):g}..{inputs.max(initial=0):g}"
        )
    return inputs, _numbers(path, targets, len(inputs), ends.classes)


def _numbers(path, targets, count, classes):
    rows = targets.shape == (count, classes) and classes > 1
    if targets.dtype.kind not in "iufb" or not (rows or targets.size == len(targets) == count):
        raise UserError(
            f"{path}: expected a class number for each of {count} inputs, got {targets.dtype} "
            f"{targets.shape}"
        )
    numbers = class_numbers(targets)
    if not np.isin(numbers, np.arange(classes)).all():
        raise UserError(f"{path}: its labels are not the numbers 0 to {classes - 1} of the classes")
    return numbers.astype(np.int64)

"""Which input or output of a file is which of a model, and whether its axes stand elsewhere."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from kerascnn.errors import UserError, required

from ..runtimes.content import End

NUMBERED = re.compile(r"(?:output|Identity|\w*PartitionedCall\w*)(?:[_:](\d+))?(?::0)?")
SMALL = ("int8", "uint8", "int16")  # dtypes that pixels and quantized floats come in


@dataclass(frozen=True)
class Wanted:
    """An input or output of the model that a file is compared with.

    shape: -1 for what is open. dtype: of NumPy, or None where any will do.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str | None = None


@dataclass(frozen=True)
class Match:
    """Where a `Wanted` stands in a file: the number of the input or output, and the order of axes
    that makes the model's array the file's; None where it is the same."""

    index: int
    axes: tuple[int, ...] | None = None

    def shape_of_model(self, shape: Sequence[int]) -> list[int]:
        """A shape of the file in the model's order of axes."""
        return list(shape) if self.axes is None else [shape[i] for i in np.argsort(self.axes)]

    def to_file(self, array: np.ndarray) -> np.ndarray:
        """An array of the model, (n, ...), as the file has it."""
        return array if self.axes is None else array.transpose(self.axes)

    def to_model(self, array: np.ndarray) -> np.ndarray:
        """An array of the file, (n, ...), as the model has it."""
        return array if self.axes is None else array.transpose(np.argsort(self.axes))


def pair(
    wanted: Sequence[Wanted],
    ends: Sequence[End],
    *,
    what: str,
    files: tuple[object, object],
    names: Mapping[str, str] | None = None,
    ordered: bool = True,
    like: Sequence[Match] = (),
) -> list[Match]:
    """Finds the ends of a file for those of a model: by name, and the rest by shape and dtype.

    Args:
        wanted: of the model. ends: of the file.
        what: "input" or "output". files: what errors call the model and the file.
        names: name in the file -> name in the model, where its owner says so.
        ordered: whether `wanted` are in the order that the model was built with, as Keras has them.
        like: matches found before: where all orders of axes fit, it is as there.

    Returns:
        A `Match` for each of `wanted`.

    Raises:
        UserError: another number of them, a shape that does not fit, or several ways to pair them.
    """
    model, file = files
    if len(wanted) != len(ends):
        raise UserError(
            f"{file}: has {_counted(len(ends), what)} ({_listed(ends)}), {model} has "
            f"{len(wanted)} ({_listed(wanted)})"
        )
    found = _by_name(wanted, ends, names or {}, files, what)
    left = [i for i in range(len(wanted)) if i not in found]
    free = [i for i in range(len(ends)) if i not in found.values()]
    if left:
        found |= _by_shape(wanted, ends, left, free, files, what, ordered)
    choices = [orders(w.shape, ends[found[i]].shape) for i, w in enumerate(wanted)]
    turned = {c[0] for c in choices if len(c) == 1} | {match.axes for match in like}
    turned -= {None}
    first = any(axes[1] == len(axes) - 1 for axes in turned if axes is not None)
    return [Match(found[i], _chosen(options, turned, first)) for i, options in enumerate(choices)]


def orders(wanted: Sequence[int], found: Sequence[int]) -> list[tuple[int, ...] | None]:
    """The orders of axes in which an array of the shape `wanted` fits `found`; the first is none.

    The others put the channels first or last. Sizes of -1 fit any.
    """
    options: list[tuple[int, ...] | None] = [None]
    if len(wanted) > 2:
        last, middle = len(wanted) - 1, range(1, len(wanted) - 1)
        options += [(0, last, *middle)]
        options += [(0, *range(2, len(wanted)), 1)] if last > 2 else []
    return [o for o in options if _fits(_ordered(wanted, o), found)]


def _ordered(shape, axes):
    return list(shape) if axes is None else [shape[i] for i in axes]


def _fits(wanted, found):
    return len(wanted) == len(found) and all(
        -1 in sizes or sizes[0] == sizes[1] for sizes in zip(wanted, found, strict=True)
    )


def _chosen(options, turned, first):
    """Of several orders that fit: as it is, unless other ends say that channels stand elsewhere."""
    if len(options) == 1 or not turned:
        return options[0]
    moved = [o for o in options if o and (o[1] == len(o) - 1) == first]
    return moved[0] if moved else options[0]


def _by_name(wanted, ends, names, files, what):
    """number of a wanted -> number of the end that is called so."""
    model, file = files
    known = {name: i for i, end in enumerate(ends) for name in reversed(_called(end))}
    stated = {ours: theirs for theirs, ours in names.items()}
    found = {}
    for i, w in enumerate(wanted):
        index = known.get(stated.get(w.name, w.name))
        if index is None or index in found.values():
            continue
        if not orders(w.shape, ends[index].shape):
            raise UserError(
                f"{file}: its {what} {w.name} is {_size(ends[index])}, that of {model} "
                f"is {_size(w)}"
            )
        found[i] = index
    return found


def _called(end):
    """The names of an end, the best first."""
    plain = re.sub(r":\d+$", "", end.name).removeprefix("serving_default_")
    return [name for name in (end.alias, end.name, plain) if name]


def _by_shape(wanted, ends, left, free, files, what, ordered):
    """The one way to pair what names do not tell."""
    model, file = files

    def suits(i, index, dtypes):
        w, end = wanted[i], ends[index]
        return bool(orders(w.shape, end.shape)) and (not dtypes or _alike(w.dtype, end.dtype))

    ways: list[dict[int, int]] = []
    for dtypes in (True, False):
        ways = ways or _few(_ways(left, free, lambda i, j, d=dtypes: suits(i, j, d)))
    if len(ways) > 1 and what == "output":
        ways = _by_number(wanted if not ordered else None, ends, left, free) or ways
    both = f"{_listed(ends, free)} of {file} and {_listed(wanted, left)} of {model}"
    if not ways:
        raise UserError(f"{what}s do not fit: {both}")
    if len(ways) > 1:
        raise UserError(
            f"{what}s have other names and the same shapes: {both}; name them alike, or say which "
            "is which: --name IN_THE_FILE=IN_THE_MODEL"
        )
    return ways[0]


def _ways(left, free, suits) -> Iterator[dict[int, int]]:
    """Every way to give each of `left` one of `free` that suits it."""
    if not left:
        yield {}
        return
    for index in free:
        if suits(left[0], index):
            rest = [i for i in free if i != index]
            for way in _ways(left[1:], rest, suits):
                yield {left[0]: index, **way}


def _few(ways):
    """The first two: whether there is more than one is all that counts."""
    return [way for way, _ in zip(ways, range(2), strict=False)]


def _by_number(wanted, ends, left, free):
    """[the way that numbered names say], as converters of TensorFlow give them to outputs.

    wanted: where those have to be numbered too; None where they are in their order.
    """
    called = [(free, [end.alias or end.name for end in ends])]
    if wanted is not None:
        called.append((left, [w.name for w in wanted]))
    ranked = []
    for chosen, names in called:
        hits = {i: NUMBERED.fullmatch(names[i]) for i in chosen}
        if None in hits.values():
            return []
        numbers = {i: int(required(hit)[1] or 0) for i, hit in hits.items()}
        if len(set(numbers.values())) < len(chosen):
            return []
        ranked.append(sorted(chosen, key=lambda i, numbers=numbers: numbers[i]))
    return [dict(zip(ranked[1] if wanted is not None else left, ranked[0], strict=True))]


def _alike(wanted, found):
    """Whether two dtypes may carry the same numbers: floats may be quantized, tokens never are."""
    kinds = {_kind(wanted), _kind(found)}
    return wanted is None or len(kinds) == 1 or kinds == {"small", "float"}


def _kind(dtype):
    if dtype in SMALL:
        return "small"
    return required(re.match("[a-z]*", dtype or ""))[0].removeprefix("b").removeprefix("u")


def _counted(number, what):
    return f"{number} {what}{'s' * (number != 1)}"


def _listed(ends, chosen=None):
    some = ends if chosen is None else [ends[i] for i in chosen]
    return ", ".join(f"{end.name} {_size(end)}" for end in some) or "none"


def _size(end):
    return "x".join("?" if n < 0 else str(n) for n in end.shape) or "scalar"

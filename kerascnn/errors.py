"""The exception and the warning of kerascnn's own, and the sentence for a name nobody knows."""

import difflib
import re
import unicodedata
from collections.abc import Iterable
from typing import TypeVar

Present = TypeVar("Present")


class UserError(Exception):
    """Something the user can mend. One line: what was expected, what came, the way out."""


class Notice(UserWarning):
    """What was done in another way than one may think; the verbs print it as a line."""


def unknown(kind: str, name: object, choices: Iterable[str]) -> UserError:
    """Returns the UserError for a `name` that is none of `choices`, naming its nearest match."""
    choices = sorted(choices)
    near = difflib.get_close_matches(str(name), choices, n=1, cutoff=0.5)
    way_out = f"did you mean {near[0]!r}?" if near else f"expected one of: {', '.join(choices)}"
    return UserError(f"unknown {kind} {str(name)!r}; {way_out}")


def required(value: Present | None) -> Present:
    """`value`, which the caller knows not to be None: by validation, or by what came before."""
    assert value is not None
    return value


def raised_inside(error: Exception) -> UserError | None:
    """Returns the UserError that a function inside a TensorFlow graph raised, or None.

    TensorFlow hands it on as an error of its own, whose text begins with it.
    """
    found = re.search(r"^(?:.*: )?UserError: (.*)$", str(error), re.MULTILINE)
    return UserError(found[1]) if found else None


def printable(text: str, encoding: str = "utf-8") -> str:
    """Returns one line in which nothing steers a terminal or turns the direction of writing.

    Controls, line ends, marks of direction and bytes that are no UTF-8 are written as Python
    escapes them, as is what `encoding` has no character for.
    """
    shown = (c if c.isprintable() or unicodedata.category(c) == "Zs" else _escaped(c) for c in text)
    return "".join(shown).encode(encoding, "backslashreplace").decode(encoding)


def _escaped(character):
    return character.encode("unicode_escape").decode("ascii")

"""Variables by their paths: what two models that were built alike have in common."""

import re
from collections.abc import Sequence
from typing import Any

import keras


def copy_weights(source: keras.Model, target: keras.Model) -> None:
    """Copies the weights of a model into another that was built alike, by their paths."""
    theirs = by_path(source.weights)
    for name, variable in by_path(target.weights).items():
        variable.assign(theirs[name])


def by_path(variables: Sequence[Any]) -> dict[str, Any]:
    """path -> variable, with the numbers that Keras gives automatic names counted from 0.

    A second model of the same builder has dense_2 and dense_3 where the first has dense and
    dense_1: in both they are dense and dense:1 here.
    """
    names, ranks = [v.path.split("/") for v in variables], {}
    for parts in names:
        for depth, part in enumerate(parts):
            stem, number = numbered(part)
            ranks.setdefault((*parts[:depth], stem), set()).add(number)
    found = {}
    for parts, variable in zip(names, variables, strict=True):
        renamed = []
        for depth, part in enumerate(parts):
            stem, number = numbered(part)
            renamed.append(_counted(stem, sorted(ranks[*parts[:depth], stem]).index(number)))
        add_named(found, "/".join(renamed), variable)
    return found


def numbered(name: str) -> tuple[str, int]:
    """dense_2 -> (dense, 2)."""
    match = re.fullmatch(r"(.+)_(\d+)", name)
    return (match[1], int(match[2])) if match else (name, 0)


def _counted(name, number):
    return f"{name}:{number}" if number else name


def add_named(found: dict[str, Any], name: str, variable: Any) -> None:
    """Enters a variable by its name; the second of a name gets a number."""
    count = 0
    while _counted(name, count) in found:
        count += 1
    found[_counted(name, count)] = variable

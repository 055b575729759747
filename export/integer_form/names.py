"""Names that TensorFlow takes for operations; an input may have any."""

import re
from collections.abc import Iterable

import keras

from kerascnn.errors import UserError
from kerascnn.models.graph import all_layers

NOT_FIRST = re.compile(r"^(?=[^A-Za-z0-9.])")
NOT_ALLOWED = re.compile(r"[^A-Za-z0-9_.\-]")


def operation_names(names: Iterable[str]) -> list[str]:
    """Names as TensorFlow takes them for operations and scopes, no two the same.

    What it does not take becomes "_", and "x" stands before what may not come first: "it's" is
    "it_s", "_a" is "x_a". Other names stay as they are. One that is taken gets a number.
    """
    given = list(names)
    taken = {name for name in given if _plain(name) == name}
    found = []
    for name in given:
        plain, number = _plain(name), 1
        while plain != name and plain in taken:
            number += 1
            plain = f"{_plain(name)}_{number}"
        taken.add(plain)
        found.append(plain)
    return found


def _plain(name):
    return NOT_FIRST.sub("x", NOT_ALLOWED.sub("_", name))


def may_stand_first(name: str) -> bool:
    """Whether TensorFlow takes a name for a scope that is in no other."""
    return not NOT_FIRST.match(name)


def refuse_layer_names(model: keras.Model) -> None:
    """UserError where TensorFlow runs no layer of a name, in a model that another backend made."""
    if keras.backend.backend() != "tensorflow":
        return
    for layer in all_layers(model):
        if not isinstance(layer, keras.layers.InputLayer) and NOT_ALLOWED.search(layer.name):
            raise UserError(
                f"{model.name}: TensorFlow runs no layer called {layer.name!r}; build the model "
                f"with letters, digits, '_', '.' and '-' alone, as {_plain(layer.name)!r}, and "
                "load its weights"
            )

"""Which layer of a Keras model a name in a file speaks of."""

import re
from collections.abc import Collection

import keras


def layer_names(model: keras.Model) -> set[str]:
    """The names of a model's layers, those of nested models too."""
    found = set()
    for layer in model.layers:
        found.add(layer.name)
        if isinstance(layer, keras.Model):
            found |= layer_names(layer)
    return found


def layer_of(text: str, layers: Collection[str]) -> str | None:
    """The layer that a name of TensorFlow speaks of: "stem_conv_1/BiasAdd" is of "stem_conv"."""
    for part in reversed(re.split("[/;:]", text)):
        for name in (re.sub(r"_\d+$", "", part), part):
            if name in layers:
                return name
    return None

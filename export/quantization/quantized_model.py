"""The model that simulates int8: an ordinary functional model that keeps the names people use."""

from collections.abc import Sequence
from typing import Any

import keras

from ..integer_form.operations import PACKAGE


@keras.saving.register_keras_serializable(package=PACKAGE)
class QuantizedModel(keras.Model):
    """A functional model with roundings in it. It is made by `export.quantize`.

    Its outputs are called as those of the float model, so that losses and metrics go by the same
    names. `get_layer` finds a nested model that was inlined, as a `LayerGroup`.
    """

    def named(self, output_names: Sequence[str], inlined: dict) -> "QuantizedModel":
        """Sets the names of the outputs, and which layers came out of which nested model."""
        self.output_names = list(output_names)
        self.inlined = {name: list(layers) for name, layers in inlined.items()}
        return self

    def get_layer(self, name: str | None = None, index: int | None = None) -> Any:
        """The layer of this name or index, or the group of layers that a nested model became."""
        inlined = getattr(self, "inlined", {})
        if name is not None and name in inlined:
            members = set(inlined[name])
            return LayerGroup(name, [layer for layer in self.layers if layer.name in members])
        return super().get_layer(name, index)

    def get_config(self) -> dict[str, Any]:
        names = {"output_names": list(self.output_names)}
        inlined = {name: list(layers) for name, layers in getattr(self, "inlined", {}).items()}
        return {**super().get_config(), **names, "inlined": inlined}

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None
    ) -> "QuantizedModel":
        config = dict(config)
        names, inlined = config.pop("output_names", None), config.pop("inlined", {})
        model = super().from_config(config, custom_objects)
        return model.named(names or model.output_names, inlined)


class LayerGroup:
    """The layers that a nested model became where it was inlined.

    name: of the nested model. layers: in the order of the graph.
    """

    def __init__(self, name: str, layers: Sequence[keras.Layer]) -> None:
        self.name, self.layers = name, list(layers)

    @property
    def trainable(self) -> bool:
        """Whether any of the layers is trained; setting it sets it for all of them."""
        return any(layer.trainable for layer in self.layers)

    @trainable.setter
    def trainable(self, value: bool) -> None:
        for layer in self.layers:
            layer.trainable = value

    @property
    def weights(self) -> list:
        """The weights of all layers."""
        return [weight for layer in self.layers for weight in layer.weights]

    def get_layer(self, name: str) -> keras.Layer:
        """The layer of this name; ValueError where the group has none, as in Keras."""
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise ValueError(f"No such layer: {name}. {self.name} has: {[x.name for x in self.layers]}")

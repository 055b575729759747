"""Which layers stay as they are, and how fast the others learn."""

import re
from collections.abc import Mapping, Sequence

import keras

from kerascnn.errors import UserError, unknown
from kerascnn.models.graph import nodes
from kerascnn.models.weights.fitting import classifiers
from kerascnn.transfer.features import layer_output

STAGE = re.compile(r"(stem|stage\d+|head)(?=_|$)")


def freeze_until(model: keras.Model, name: str) -> list[str]:
    """Freezes a layer and all that lies before it; normalizations among them stay in inference.

    Args:
        model: of functional form. name: of a layer or a stage, as `layer_output` takes it.

    Returns:
        The names of the layers with weights that are frozen.

    Raises:
        UserError: no such layer, or nothing is left to train.
    """
    producers = {id(x): node for node in nodes(model) for x in node.outputs}
    waiting, seen = [layer_output(model, name)], set()
    while waiting:
        node = producers.get(id(waiting.pop()))
        if node and id(node) not in seen:
            seen.add(id(node))
            waiting += node.input_tensors
            node.operation.trainable = False
    return _frozen(model, f"freeze_until {name}")


def freeze_but_classifiers(model: keras.Model) -> list[str]:
    """Freezes all but the last layers with weights; returns the names of what is frozen."""
    last = classifiers(model)
    for layer in model.layers:
        layer.trainable = layer.name in last
    return _frozen(model, model.name)


def freeze_layers(model: keras.Model, names: Sequence[str]) -> None:
    """Freezes the layers of these names, as another fine-tuning of the same network did."""
    for layer in model.layers:
        if layer.name in names:
            layer.trainable = False


def _frozen(model, what):
    if not model.trainable_variables:
        raise UserError(f"{what}: freezes all weights; name a layer further from the logits")
    return [layer.name for layer in model.layers if layer.weights and not layer.trainable]


def stage_of(layer: str) -> str | None:
    """The stage that a layer is named for: "stem", "stage3", "head"; None where it is not."""
    found = STAGE.match(layer)
    return found and found[1]


def variable_rates(
    model: keras.Model, rates: Mapping[str, float], *, pretrained: float = 1.0
) -> dict[str, float]:
    """How fast each weight learns, against the learning rate.

    Args:
        rates: name of a stage or of a layer -> factor, at least 0; a layer's counts before that
            of its stage.
        pretrained: the factor of all others but the classifiers', which is 1.

    Returns:
        Path of a trainable variable -> factor, where it is not 1.

    Raises:
        UserError: a name that the model has not, or a factor that is no number from 0 on.
    """
    stages = {stage_of(layer.name) for layer in model.layers} - {None}
    for name, factor in rates.items():
        if name not in stages and name not in [layer.name for layer in model.layers]:
            raise unknown(f"stage or layer of {model.name}", name, [*map(str, stages)])
        if not 0 <= factor < float("inf"):
            raise UserError(f"rates: {name}: expected a factor from 0 on, got {factor}")
    last, found = classifiers(model), {}
    for layer in model.layers:
        default = 1.0 if layer.name in last else pretrained
        factor = rates.get(layer.name, rates.get(stage_of(layer.name) or "", default))
        found |= {v.path: factor for v in layer.trainable_variables if factor != 1}
    return found

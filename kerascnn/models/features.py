"""The tensors between the stages of a network, for detectors, segmenters and the curious."""

import re
from typing import Any

import keras

from kerascnn.errors import UserError
from kerascnn.models.graph import nodes


def features(model: keras.Model) -> keras.Model:
    """Returns a model that gives the tensor at the end of each stage, by the names of the layers.

    Args:
        model: a network of this zoo, or one whose layers are named alike: stem_*, stage1_*, ...

    Returns:
        A `keras.Model` on the same input, layers and weights: image -> {"stem": tensor, "stage1":
        tensor, ...}; no "stem" where the network has none. A pooling named stage2_pool belongs to
        stage 2: it comes last in VGG and first in GoogLeNet.

    Raises:
        UserError: no layer is named so.
    """
    ends, tensors = {}, outputs_by_name(model)
    for layer in model.layers:  # deepest first: what a stage ends with comes last
        stage = re.match(r"stem(?=_|$)|stage\d+(?=_|$)", layer.name)
        if stage:
            ends[stage.group()] = tensors[layer.name]
    if not ends:
        raise UserError(
            f"{model.name}: expected layers named stem_* or stage1_*, got none; "
            f"this network has no stages"
        )
    return keras.Model(model.input, ends, name=f"{model.name}_features")


def outputs_by_name(model: keras.Model) -> dict[str, Any]:
    """Name of a layer -> what it gives in this model: a tensor, or a list of several.

    The layers of a model with its normalization in front were called in the bare network too, and
    `layer.output` is that of the first call.
    """
    found = {node.operation.name: node.outputs for node in nodes(model)}
    return {name: x[0] if len(x) == 1 else x for name, x in found.items()}

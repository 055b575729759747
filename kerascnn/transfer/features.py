"""What a network makes of images, at any of its layers: features as arrays."""

from collections.abc import Iterable, Mapping

import keras
import numpy as np

from kerascnn.errors import UserError, unknown
from kerascnn.models import features as stages
from kerascnn.models import outputs_by_name

PAPERS = {"fc6": "head_1_dense", "fc7": "head_2_dense"}  # AlexNet's and VGG's, as papers call them


def layer_output(model: keras.Model, layer: str) -> keras.KerasTensor:
    """Finds the tensor that a layer gives, or that a stage ends with.

    Args:
        model: of functional form.
        layer: the name of a layer, of a stage, as "stage3", or of a paper, "fc7".

    Raises:
        UserError: there is none of this name; or it gives several tensors.
    """
    tensors = outputs_by_name(model)
    names = list(tensors)
    if layer not in names and PAPERS.get(layer) in names:
        layer = PAPERS[layer]
    ends = stage_ends(model)
    if layer in names:
        output = tensors[layer]
    elif layer in ends:
        output = ends[layer]
    else:
        raise unknown(f"layer of {model.name}", layer, [*names, *ends])
    if not keras.utils.is_keras_tensor(output):
        raise UserError(f"{layer}: gives several tensors; name a layer that takes one of them")
    return output


def stage_ends(model: keras.Model) -> Mapping[str, keras.KerasTensor]:
    """What the stages of a network end with, by their names; empty where it has none."""
    try:
        return stages(model).output
    except UserError:  # its layers are named in another way
        return {}


def pooled(tensor: keras.KerasTensor) -> keras.KerasTensor:
    """Averages maps over their positions: (batch, ..., C) -> (batch, C); (batch, n) stays."""
    axes = tuple(range(1, len(tensor.shape) - 1))
    return keras.ops.mean(tensor, axis=axes) if axes else tensor


def extract_features(
    model: keras.Model, inputs: np.ndarray | Iterable, layer: str, *, average: bool = False
) -> np.ndarray:
    """Runs inputs through a network up to one of its layers.

    Args:
        model: takes what `inputs` are.
        inputs: an array, (n, ...), or a dataset of batches, of inputs or of (inputs, labels).
        layer: as `layer_output` takes it; "fc7" of AlexNet and VGG is (n, 4096).
        average: over the positions of a map, (n, height, width, C) -> (n, C).

    Returns:
        float32, (n, ...) as the layer gives it.

    Raises:
        UserError: no such layer.
    """
    output = layer_output(model, layer)
    part = keras.Model(model.inputs, pooled(output) if average else output)
    return np.asarray(part.predict(inputs, verbose=0), "float32")

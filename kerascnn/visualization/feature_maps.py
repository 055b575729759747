"""What is inside a network: the filters of its first layer, and the maps of an image."""

import math
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from kerascnn.analysis import first_layer_filters
from kerascnn.errors import UserError
from kerascnn.models.graph import nodes
from kerascnn.transfer.features import stage_ends
from kerascnn.visualization.panels import panels, row_title, spread

MOST_FILTERS = 96
MOST_LAYERS = 6
MOST_CHANNELS = 12
LONG = 14  # letters that do not fit beside a map


def maps_of(model: keras.Model) -> Mapping[str, Any]:
    """The maps to look at, (batch, height, width, channels), by the names of layers, in order.

    What the stages end with; where the layers have no such names, what layers with weights give.

    Raises:
        UserError: the model has no maps.
    """
    ends = {id(tensor) for tensor in stage_ends(model).values()}
    found, weighing = {}, {}
    for node in nodes(model):
        tensor = node.outputs[0]
        if len(node.outputs) != 1 or len(tensor.shape) != 4 or tensor.shape[1:3] == (1, 1):
            continue
        if id(tensor) in ends:
            found[node.operation.name] = tensor
        if getattr(node.operation, "kernel", None) is not None:
            weighing[node.operation.name] = tensor
    if not (found or weighing):
        raise UserError(
            f"{model.name}: expected maps (batch, height, width, channels), found none; "
            "there is nothing to look at but numbers"
        )
    return found or weighing


def filters_figure(model: keras.Model) -> Any:
    """Draws the filters of the first convolution, each stretched on its own.

    Three channels are shown in colour, of any other number the first in grey.

    Raises:
        UserError: the model has no convolution.
    """
    kernels = first_layer_filters(model)[:MOST_FILTERS]
    columns = min(len(kernels), 12)
    figure, places = panels(math.ceil(len(kernels) / columns), columns, inches=0.7, above=0)
    figure.set_facecolor("#cfd8e3")  # so that white weights have an edge
    for axes, kernel in zip(places.ravel(), kernels, strict=False):
        axes.imshow(kernel if kernel.shape[-1] == 3 else kernel[..., 0], "gray", vmin=0, vmax=1)
    return figure


def feature_maps_figure(model: keras.Model, image: np.ndarray) -> Any:
    """Draws what an image becomes, stage by stage: the channels that answer most, each by itself.

    Args:
        model: takes (batch, *image.shape).
        image: (height, width, channels), as the model takes it.

    Raises:
        UserError: the model has no maps.
    """
    maps = maps_of(model)
    names = [list(maps)[i] for i in spread(len(maps), MOST_LAYERS)]
    part = keras.Model(model.inputs, [maps[name] for name in names])
    made = part.predict(image[None].astype("float32"), verbose=0)
    made = made if isinstance(made, list) else [made]
    figure, places = panels(len(names), MOST_CHANNELS, inches=0.85)
    for row, name, (answers,) in zip(places, names, made, strict=True):
        strongest = np.argsort(-np.abs(answers).mean(axis=(0, 1)), kind="stable")
        height, width, channels = answers.shape
        row_title(row[0], f"{_broken(name)}\n{height}x{width}x{channels}")
        for axes, channel in zip(row, strongest, strict=False):
            axes.imshow(answers[..., channel], "viridis")
            axes.set_title(f"{channel}", fontsize=7)
    return figure


def _broken(name):
    """A long name in two lines."""
    return name if len(name) < LONG else name.replace("_", "_\n", 1)

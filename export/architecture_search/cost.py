"""What a candidate costs: multiply-accumulates, counted, and bytes of its real int8 file."""

import keras
import numpy as np

from kerascnn.analysis import Count, count
from kerascnn.config import Config
from kerascnn.data import Data
from kerascnn.models import build
from kerascnn.models.graph import without_weights
from kerascnn.training import run_model
from kerascnn.training.objective import without_auxiliary

from ..conversion.convert import convert
from ..delivery.preparation import prepared
from ..recipes.recipe import Recipe
from ..subject.opening import open_subject

IMAGES = 8  # made-up ones, for ranges that only have to be there


def counted(config: Config, data: Data) -> Count:
    """Parameters and multiply-accumulates of the network of a config; no weights are made.

    Raises:
        UserError, ValueError: arguments that do not go together.
    """
    with without_weights():
        network = build(
            config.model.name,
            input_shape=data.shape,
            num_classes=len(data.names),
            **config.model.arguments,
        )
        return count(without_auxiliary(network))


def file_bytes(config: Config, data: Data, recipe: Recipe) -> int:
    """The size of the int8 .tflite file of an untrained network of a config.

    It is that of the trained one: a file stores a byte a weight and four a bias, whatever they
    are. Only what is equal is stored once, as are biases that are all zero; so every weight is
    drawn anew, for those of an untrained network are equal where those of a trained one are not.

    Args:
        config: of a run. data: of the same. recipe: one that quantizes without training.

    Raises:
        UserError: a layer that int8 has no rule for.
    """
    network = without_auxiliary(run_model(config, data, "float32"))
    _draw_weights(network)
    pixels = np.random.default_rng(0).integers(0, 256, (IMAGES, *data.shape))
    subject = open_subject(network, pixels.astype("float32"), pixels=True)
    reference = prepared(subject, recipe)
    return len(convert(reference.model, "tflite", pixels=subject.pixels))


def _draw_weights(network):
    """No two weights of a network are equal then, and variances are above zero."""
    drawn = np.random.default_rng(0)
    for weight in network.weights:
        values = drawn.normal(0, 0.1, weight.shape)
        shift = keras.ops.convert_to_numpy(weight)
        weight.assign(np.abs(values) + 0.5 if weight.path.endswith("variance") else values + shift)

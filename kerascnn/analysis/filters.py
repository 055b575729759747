"""The filters of a network's first convolution, as pictures."""

import keras
import numpy as np
from keras import layers

from kerascnn.analysis.graph import walk
from kerascnn.errors import UserError


def first_layer_filters(model: keras.Model) -> np.ndarray:
    """Returns the kernels of the first Conv2D as (filters, height, width, channels), in [0, 1].

    Each filter is stretched on its own, its smallest weight to 0 and its largest to 1, so that the
    weak ones can be seen too; one that is constant becomes 0.5. Three channels are red, green and
    blue where the network reads them so.

    Raises:
        UserError: the model has no Conv2D.
    """
    convs = [x.operation for x in walk(model).calls if isinstance(x.operation, layers.Conv2D)]
    if not convs:
        raise UserError(
            f"{model.name}: expected a Conv2D, found none; its first layer has no image"
        )
    filters = np.moveaxis(convs[0].get_weights()[0], -1, 0)
    low = filters.min(axis=(1, 2, 3), keepdims=True)
    span = filters.max(axis=(1, 2, 3), keepdims=True) - low
    return np.where(span > 0, (filters - low) / np.where(span > 0, span, 1), 0.5)

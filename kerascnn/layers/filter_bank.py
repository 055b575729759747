"""An initializer of kernels that were designed: Sobel's, Gabor functions, Gaussians."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable(package="kerascnn")
class FilterBank(keras.initializers.Initializer):
    """Sets the kernel of a Conv2D to given filters, each the same over all input channels.

        kernel[:, :, c, f] = kernels[f] / channels

    A filter then answers to the mean of the channels, the grey image. The layer trains on from
    there, or stays with `trainable=False`.

    Args:
        kernels: (filters, height, width); `kerascnn.numpy_ops.kernels` makes such.

    Raises:
        ValueError: kernels of different sizes; a layer of another kernel_size or number of filters.

    Example: `Conv2D(2, 3, kernel_initializer=FilterBank([sobel(0), sobel(1)]))`.
    """

    def __init__(self, kernels: Sequence[Any]) -> None:
        shapes = {np.shape(kernel) for kernel in kernels}
        if len(shapes) != 1 or len(min(shapes)) != 2:
            raise ValueError(
                f"kernels: expected (height, width) each, all of one size, got {sorted(shapes)}"
            )
        self.kernels = np.asarray(kernels, "float32")

    def __call__(self, shape: Sequence[int], dtype: Any = None, **kwargs: Any) -> Any:
        count, height, width = self.kernels.shape
        if len(shape) != 4 or (*shape[:2], shape[3]) != (height, width, count):
            raise ValueError(
                f"FilterBank: expected a kernel ({height}, {width}, channels, {count}), "
                f"got {tuple(shape)}"
            )
        weights = np.moveaxis(self.kernels, 0, -1)[:, :, None] / shape[2]
        return ops.convert_to_tensor(np.broadcast_to(weights, shape), dtype or "float32")

    def get_config(self) -> dict[str, Any]:
        return {"kernels": self.kernels.tolist()}

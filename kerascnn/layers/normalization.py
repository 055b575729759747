"""Local response normalization: what stood where batch normalization stands today."""

from typing import Any

import keras
import numpy as np
from keras import KerasTensor, ops

from kerascnn.layers.geometry import Shape


@keras.saving.register_keras_serializable(package="kerascnn")
class LocalResponseNormalization(keras.layers.Layer):
    """Divides each activation by a power of the energy in the channels around it.

        b[c] = a[c] / (k + alpha * sum of a[j]^2 over the `size` channels around c) ^ beta

    The window is cut off at the first and the last channel. `convention` says what `alpha` means:
    "paper" multiplies the sum, as above; "caffe" (Caffe and torch) multiplies the mean, that is,
    the sum divided by `size`, also where the window is cut off. AlexNet's paper with alpha = 1e-4
    and size = 5 is therefore alpha = 5e-4 in Caffe's convention.

    Shapes: (batch, one to three spatial axes, channels) -> the same.

    Args:
        size: channels in the window; odd.
        alpha, beta, k: as in the formula; the defaults are the paper's.
        convention: "paper" or "caffe".

    Source: Krizhevsky, Sutskever & Hinton, "ImageNet Classification with Deep Convolutional Neural
    Networks", NIPS 2012, section 3.3.
    """

    def __init__(
        self,
        size: int = 5,
        *,
        alpha: float = 1e-4,
        beta: float = 0.75,
        k: float = 2.0,
        convention: str = "paper",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if size < 1 or size % 2 == 0:
            raise ValueError(f"size: expected an odd number of channels, got {size}")
        if k <= 0:
            raise ValueError(f"k: expected a positive number, got {k}; 0 divides by zero")
        if convention not in ("paper", "caffe"):
            raise ValueError(f'convention: expected "paper" or "caffe", got {convention!r}')
        self.size = size
        self.alpha = alpha
        self.beta = beta
        self.k = k
        self.convention = convention

    def call(self, inputs: KerasTensor) -> KerasTensor:
        # The sum over the window is a 1x1 convolution with a band of ones: one fast operator on
        # every runtime, where pooling over channels would need a layout no runtime is tuned for.
        band = self.band(inputs.shape[-1])
        band = band.reshape(*[1] * (len(inputs.shape) - 2), *band.shape)
        energy = ops.conv(ops.square(inputs), ops.convert_to_tensor(band, inputs.dtype))
        # exp and log have 8-bit kernels in TFLite; pow has none.
        return inputs * ops.exp(-self.beta * ops.log(self.k + self.factor * energy))

    @property
    def factor(self) -> float:
        """What the sum over the window is multiplied by, in either convention."""
        return self.alpha / self.size if self.convention == "caffe" else self.alpha

    def band(self, channels: int) -> np.ndarray:
        """1 where two channels share a window, else 0: (channels, channels) float32.

        In NumPy, so that a file stores it: converters do not compute large constants in advance.
        """
        numbers = np.arange(channels)
        return (abs(np.subtract.outer(numbers, numbers)) <= self.size // 2).astype("float32")

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return tuple(input_shape)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "size": self.size,
            "alpha": self.alpha,
            "beta": self.beta,
            "k": self.k,
            "convention": self.convention,
        }

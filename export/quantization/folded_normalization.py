"""Batch normalization as int8 has it: a part of the kernel in front."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import layers, ops

from kerascnn.models.graph import Node, producer

from ..integer_form.operations import PACKAGE, TRAINING_ONLY
from .quantized_layers import QuantizedKernel


@keras.saving.register_keras_serializable(package=PACKAGE)
class FoldedBatchNormalization(layers.BatchNormalization):
    """BatchNormalization that the convolution in front knows of, and whose statistics freeze.

        kernel' = kernel * gamma / sqrt(variance + epsilon)
        bias'   = bias   * gamma / sqrt(variance + epsilon) + beta - mean * (the same)

    is what an int8 file computes with, by the moving statistics. Called on what a layer with a
    quantized kernel gave, it hands that layer its gain, so that kernel' is what is rounded. Between
    the two may be what does something in training only, such as a dropout.

    While `frozen` is 1 it normalizes by its moving statistics in training too, and they stay as
    they are: what is trained then is what will run. It is a weight, so that it can be turned while
    a compiled training runs (see `FreezeStatistics`), and a checkpoint keeps it.

    Where the backend is TensorFlow and the input an image, (H, W, C), training uses
    TensorFlow's fused kernel, which Keras does not: the same numbers, faster.
    """

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        super().build(input_shape)
        self.frozen = self.add_weight(
            shape=(), initializer="zeros", trainable=False, autocast=False, name="frozen"
        )

    def __call__(self, inputs, *args, **kwargs):
        source = producer(inputs, through=TRAINING_ONLY)
        if isinstance(source, QuantizedKernel):
            source.gain = self.gain
        return super().__call__(inputs, *args, **kwargs)

    def gain(self) -> keras.KerasTensor:
        """What each channel is multiplied by, (C,)."""
        gain = ops.rsqrt(self.moving_variance + self.epsilon)
        return gain * self.gamma if self.scale else gain

    def shift(self) -> keras.KerasTensor:
        """What is added to each channel, (C,)."""
        shift = -self.moving_mean * self.gain()
        return shift + self.beta if self.center else shift

    def call(
        self, inputs: keras.KerasTensor, training: bool | None = None, mask: Any = None
    ) -> keras.KerasTensor:
        if not (training and self.trainable):
            return super().call(inputs, training=False, mask=mask)
        if mask is not None or self.renorm:
            return super().call(inputs, training=training, mask=mask)
        outputs, mean, variance = ops.cond(
            self.frozen.value > 0,
            lambda: self._normalized(inputs, batch=False),
            lambda: self._normalized(inputs, batch=True),
        )
        self.moving_mean.assign(mean)
        self.moving_variance.assign(variance)
        return outputs

    def _normalized(self, inputs, *, batch):
        """(outputs, moving mean, moving variance), by the statistics of the batch or the moving."""
        inputs = ops.cast(inputs, "float32")
        moving = (
            ops.convert_to_tensor(self.moving_mean),
            ops.convert_to_tensor(self.moving_variance),
        )
        channels = inputs.shape[self.axis]
        gamma = self.gamma.value if self.scale else ops.ones(channels)
        beta = self.beta.value if self.center else ops.zeros(channels)
        fused = (
            keras.backend.backend() == "tensorflow"
            and len(inputs.shape) == 4
            and self.axis in (-1, 3)
        )
        if fused:
            import tensorflow as tf

            mean, variance = (tf.zeros(0), tf.zeros(0)) if batch else moving
            outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
                x=inputs,
                scale=gamma,
                offset=beta,
                mean=mean,
                variance=variance,
                epsilon=self.epsilon,
                is_training=batch,
            )
            # The kernel gives the unbiased variance; Keras averages the biased one.
            count = tf.cast(tf.size(inputs) // channels, "float32")
            variance = variance * (count - 1) / count
        else:
            axes = [i for i in range(len(inputs.shape)) if i != self.axis % len(inputs.shape)]
            mean, variance = ops.moments(inputs, axes) if batch else moving
            outputs = ops.batch_normalization(
                inputs, mean, variance, self.axis, beta, gamma, self.epsilon
            )
        outputs = ops.cast(outputs, self.compute_dtype)
        if not batch:
            return outputs, *moving
        rate = self.momentum
        averaged = (
            m * rate + v * (1 - rate) for m, v in zip(moving, (mean, variance), strict=True)
        )
        return outputs, *averaged


def normalization_behind(node: Node, consumers_of: Mapping[int, Sequence[Node]]) -> Node | None:
    """The node of the batch normalization that the kernel of a node is rounded with, or None.

    consumers_of: what `consumers` gave.
    """
    followers = consumers_of.get(id(node.outputs[0]), [])
    while len(followers) == 1 and isinstance(followers[0].operation, TRAINING_ONLY):
        followers = consumers_of.get(id(followers[0].outputs[0]), [])
    alone = len(followers) == 1 and isinstance(followers[0].operation, layers.BatchNormalization)
    return followers[0] if alone else None


class FreezeStatistics(keras.callbacks.Callback):
    """Freezes the batch normalizations of a quantized model from an epoch on, counted from 0."""

    def __init__(self, epoch: int) -> None:
        super().__init__()
        self.epoch = epoch

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        freeze_statistics(self.model, epoch >= self.epoch)


def freeze_statistics(model: keras.Model, frozen: bool = True) -> None:
    """Whether the batch normalizations of a quantized model train by their moving statistics."""
    for layer in model.layers:
        if isinstance(layer, FoldedBatchNormalization):
            layer.frozen.assign(float(frozen))

"""How the loss of a model changes with each group of channels: the criterion "taylor"."""

from typing import Any

import keras
import numpy as np

from kerascnn.errors import UserError, required
from kerascnn.models.graph import computes_in, in_float32, output_names, packed

from ..subject.samples import AT_ONCE, Samples
from .channel_groups import ChannelGroups

SAMPLES = 1024  # that a criterion is measured on at most
# What TensorFlow says around the reason.
NOISE = ("[[", "Graph execution", "Detected at", "Stack trace", "<stack", "File ")


def slopes(
    groups: ChannelGroups, model: keras.Model, samples: Samples | None, loss: Any
) -> np.ndarray:
    """(Change of the loss if a group were zero, to first order)^2, mean over batches.

    Args:
        groups: of `model`.
        model: as its owner has it, compiled or not.
        samples: inputs and targets.
        loss: as `compile` takes it; None for what the model was compiled with.

    Returns:
        (groups.count,) floats.

    Raises:
        UserError: Keras on another backend than TensorFlow, no loss, no data or targets, or a loss
            that does not fit them.
    """
    if keras.backend.backend() != "tensorflow":
        raise UserError(
            f"channels.criterion: taylor takes gradients with TensorFlow, Keras runs on "
            f"{keras.backend.backend()}; set KERAS_BACKEND=tensorflow, or take gamma, l1 or l2"
        )
    if samples is None:
        raise UserError(
            "channels.criterion: taylor needs data, inputs and targets as fit takes them, got "
            "none; give data=, or take gamma, l1 or l2"
        )
    if samples.targets is None:
        raise UserError(
            "channels.criterion: taylor needs targets, the data have inputs alone; give (x, y), "
            "or take gamma, l1 or l2"
        )
    judge = _judge(groups, model, loss)
    try:
        return _mean_squares(groups, judge, samples)
    except Exception as error:  # what a loss raises where targets do not fit it
        raise UserError(
            f"loss: does not fit the outputs and targets of {model.name}: {_reason(error)}; give "
            "the loss that the model is trained with"
        ) from None


def _reason(error):
    """The line of an error from inside a graph that says something."""
    lines = [line.strip() for line in str(error).splitlines()]
    said = [x for x in lines if x and not x.startswith(NOISE)]
    return (said or [type(error).__name__])[-1][:200]


def _judge(groups, model, loss):
    """A float32 model of the same graph that knows the loss."""
    weights = None
    if loss is None:
        loss = getattr(model, "loss", None)
        weights = (model.get_compile_config() or {}).get("loss_weights") if loss else None
    if loss is None:
        raise UserError(
            f"{model.name}: taylor needs the loss that the model is trained with, and it is not "
            "compiled with one; give loss=, as compile takes it"
        )
    flat = groups.model
    if computes_in(flat) - {"float32"}:
        flat = in_float32(flat)
    judge = keras.Model(flat.input, flat.output)  # a plain one: not of its owner's class
    judge.output_names = output_names(flat)
    for variable in judge.weights:
        variable.regularizer = None  # what a weight costs is no part of what it is good for
    try:
        judge.compile(loss=loss, loss_weights=weights)
    except ValueError as error:
        raise UserError(f"loss: {str(error).strip().splitlines()[0]}") from None
    return judge


def _mean_squares(groups, judge, samples: Samples):
    import tensorflow as tf

    taken = [
        (variable, *weight.rows)
        for name, weights in groups.weights.items()
        for variable, weight in zip(judge.get_layer(name).weights, weights, strict=True)
        if weight.rows
    ]

    @tf.function(reduce_retracing=True)
    def products(inputs, targets):
        kernels = [variable.value for variable, *_ in taken]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(kernels)
            outputs = judge(packed(judge, inputs), training=False)
            expected = keras.tree.pack_sequence_as(judge.output, targets)
            value = judge.compute_loss(y=expected, y_pred=outputs, training=False)
        gradients = tape.gradient(
            value, kernels, unconnected_gradients=tf.UnconnectedGradients.ZERO
        )
        sums = []
        for (_, axis, _), kernel, gradient in zip(taken, kernels, gradients, strict=True):
            others = [i for i in range(len(kernel.shape)) if i != axis % len(kernel.shape)]
            sums.append(tf.reduce_sum(kernel * gradient, others))
        return sums

    total, count = np.zeros(groups.count), 0
    for start in range(0, len(samples), AT_ONCE):
        part = samples.take(slice(start, start + AT_ONCE))
        change = np.zeros(groups.count)
        for (_, _, rows), values in zip(
            taken, products(list(part.inputs), list(required(part.targets))), strict=True
        ):
            change += np.bincount(rows, values.numpy(), groups.count)
        total += change**2
        count += 1
    return total / count

"""Memory of training: what grows with the batch, and what does not.

The forward pass keeps what the backward pass needs: the inputs of convolutions, dense layers and
normalizations, the outputs of activations, the masks of dropouts; sums, paddings and averages need
nothing. The backward pass adds gradients, of which only some are alive at once. Weights, their
gradients and the optimizer's state are there whatever the batch. Scratch space of convolutions and
what a framework keeps for itself are not counted.
"""

from dataclasses import dataclass

from keras import layers

from kerascnn.analysis import kinds
from kerascnn.analysis.graph import Graph
from kerascnn.analysis.memory import nbytes
from kerascnn.errors import unknown
from kerascnn.layers import (
    CeilMaxPooling2D,
    ChannelShuffle,
    ChannelSplit,
    ChannelZeroPadding,
    FractalJoin,
    StochasticDepth,
)
from kerascnn.models.graph import has_inner_activation

# Another name for the same numbers in training too; a Dropout makes new ones.
VIEWS = (layers.Flatten, layers.Reshape, layers.Identity, layers.ActivityRegularization)
# fmt: off
NEED_NOTHING = (  # their gradient is that of their output, moved, scaled or shared out
    *VIEWS, *kinds.PADDING, *kinds.CROPPING, *kinds.UPSAMPLING,
    layers.Add, layers.Subtract, layers.Average, layers.Concatenate, layers.Rescaling,
    layers.AveragePooling1D, layers.AveragePooling2D, layers.AveragePooling3D,
    layers.GlobalAveragePooling1D, layers.GlobalAveragePooling2D, layers.GlobalAveragePooling3D,
    ChannelShuffle, ChannelSplit, ChannelZeroPadding, FractalJoin, StochasticDepth,
)
NEED_OUTPUT = (  # of a dropout it stands for the mask
    layers.Activation, layers.ReLU, layers.LeakyReLU, layers.ELU, layers.Softmax, layers.Dropout,
    layers.SpatialDropout2D,
)
NEED_BOTH = (layers.MaxPooling1D, layers.MaxPooling2D, layers.MaxPooling3D, CeilMaxPooling2D)
# fmt: on
# Numbers an optimizer keeps for each weight beside it and its gradient.
STATES = {"sgd": 0, "momentum": 1, "rmsprop": 1, "lion": 1, "adam": 2, "adamw": 2}


@dataclass(frozen=True)
class TrainingMemory:
    """Bytes. forward, backward: of one image. weights: all of them; gradients: of the trainable
    ones. parameters: how many of these; each of an optimizer's numbers for one takes 4 bytes."""

    forward: int
    backward: int
    weights: int
    gradients: int
    parameters: int

    def optimizer(self, name: str) -> int:
        """Bytes of the state of an optimizer, one of `STATES`."""
        if name not in STATES:
            raise unknown("optimizer", name, STATES)
        return 4 * STATES[name] * self.parameters

    def total(self, batch: int, optimizer: str) -> int:
        """Bytes of a training step on `batch` images."""
        fixed = self.weights + self.gradients + self.optimizer(optimizer)
        return fixed + batch * (self.forward + self.backward)

    def images(self, memory: int, optimizer: str) -> int:
        """How many images a batch may have in so many bytes; 0 where not even one fits."""
        left = memory - self.total(0, optimizer)
        return max(0, left // (self.forward + self.backward))


def training_memory(
    graph: Graph, parameters: int, parameters_total: int, *, precision: str = "float32"
) -> TrainingMemory:
    """Counts what training a network keeps; activations at `precision`, weights in float32.

    parameters: trainable; parameters_total: all.
    """
    sizes = {}  # of each tensor; a view has its source's place and none of its own
    source = {}
    for call in graph.calls:
        for tensor in call.outputs:
            is_view = isinstance(call.operation, VIEWS)
            source[tensor] = source[call.inputs[0]] if is_view else tensor
            sizes[tensor] = 0 if is_view else nbytes(tensor, precision)
    kept = {source[tensor] for call in graph.calls for tensor in _needed(call)}
    return TrainingMemory(
        forward=sum(sizes[tensor] for tensor in kept),
        backward=_most_gradients(graph, sizes, source),
        weights=4 * parameters_total,
        gradients=4 * parameters,
        parameters=parameters,
    )


def _needed(call):
    """The tensors that a call needs when it is gone back through."""
    operation = call.operation
    if call.is_input or isinstance(operation, NEED_NOTHING):
        return ()
    if isinstance(operation, NEED_OUTPUT):
        return call.outputs
    inner = isinstance(operation, NEED_BOTH) or has_inner_activation(operation)
    return (*call.inputs, *call.outputs) if inner else call.inputs


def _most_gradients(graph, sizes, source):
    """The most bytes of gradients at once, going backward through the calls.

    The gradient of a tensor is there from the last call that reads it, the first to be gone back
    through, to the call that produced it; that of the image is not needed.
    """
    born, produced = {}, {}  # step of a tensor's last reader, step of its producer
    for step, call in enumerate(graph.calls):
        for tensor in call.outputs:
            if source[tensor] is tensor and not call.is_input:
                produced[tensor] = step
        for tensor in call.inputs:
            born[source[tensor]] = step
    for tensor in graph.outputs:
        born[source[tensor]] = len(graph.calls)
    change = [0] * (len(graph.calls) + 2)
    for tensor, step in produced.items():
        last = born.get(tensor, step)
        change[last] += sizes[tensor]
        change[step - 1] -= sizes[tensor]
    alive = most = 0
    for step in range(len(graph.calls), -1, -1):
        alive += change[step]
        most = max(most, alive)
    return most

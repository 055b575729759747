"""What an analysis finds of each layer of an int8 network."""

from dataclasses import dataclass

EXACT = 100.0  # dB: what is above has no rounding error worth a name


@dataclass(frozen=True)
class Weights:
    """What rounding does to a kernel.

    snr: dB, over the output channels or over the input channels, whichever is lower: an input
    channel of small weights drowns in the steps that the others need.
    outlier: the largest weight over the median of its output channel's, the most of all of them,
    and that is `outlier_channel`. spread: the range of output channel `channel`, the widest, over
    the median one, where one scale serves all; else 1. input_steps: of 127, that the weights of the
    median input channel reach, and input_channel the one with the largest.
    """

    snr: float
    outlier: float
    outlier_channel: int
    spread: float
    channel: int
    input_channel: int
    input_steps: float


@dataclass(frozen=True)
class Activations:
    """What rounding does to the output of a layer, on the images.

    snr: dB, of this rounding alone. accumulated: dB, of the simulation against the float network.
    low, high: the range. clipped: the share of values well outside. spread: the range of channel
    `channel`, the widest, over the median one. steps: of 255, that the median channel's range
    takes. core: the share of the range that holds 99.9 % of the values. dead: channels that are
    constant, of `channels`.
    """

    snr: float
    accumulated: float
    low: float
    high: float
    clipped: float
    spread: float
    channel: int
    steps: float
    core: float
    dead: int
    channels: int


@dataclass(frozen=True)
class Layer:
    """What one unit of an int8 network loses.

    share: of the loss, 0..1, the sum of its weights' and its activations' part. alone: points of
    accuracy lost on the images when this layer alone rounds; None where its share is negligible.
    layers: every Keras layer that the unit computes. consumers: those that take its rounded output.
    """

    name: str
    kind: str
    layers: tuple
    consumers: tuple
    weights_share: float
    activations_share: float
    weights: Weights | None
    activations: Activations | None
    alone: float | None = None

    @property
    def share(self) -> float:
        return self.weights_share + self.activations_share

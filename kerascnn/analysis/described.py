"""What is said of a network: of each layer, of each kind, of the whole."""

from dataclasses import dataclass

from kerascnn.analysis.memory import Memory
from kerascnn.analysis.receptive import ReceptiveField
from kerascnn.analysis.training_memory import TrainingMemory


@dataclass(frozen=True)
class LayerDescription:
    """One call of one layer.

    output_shape: without the batch; a tuple of shapes where there are several outputs. params:
    trainable. macs: None where they are not known. memory: bytes of the output for one image.
    receptive_field: one for each spatial axis, or None; see `receptive.receptive_fields`.
    """

    name: str
    kind: str
    output_shape: tuple
    params: int
    macs: int | None
    memory: int
    receptive_field: tuple[ReceptiveField, ...] | None


@dataclass(frozen=True)
class KindSum:
    """All calls of one kind of layer together."""

    kind: str
    calls: int
    params: int
    macs: int


@dataclass(frozen=True)
class Description:
    """params: trainable; params_total: with moving statistics and frozen weights; macs: one image.

    uncounted: names of the layers whose multiplications are missing in `macs`. memory: of a
    forward pass of one image at `precision`; training: of training. by_kind: the kinds that have
    parameters or MACs, most MACs first. told_wrong: what is often told of it and does not hold.
    """

    name: str
    precision: str
    layers: tuple[LayerDescription, ...]
    params: int
    params_total: int
    macs: int
    uncounted: tuple[str, ...]
    memory: Memory
    by_kind: tuple[KindSum, ...]
    training: TrainingMemory
    told_wrong: tuple[str, ...] = ()

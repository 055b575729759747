"""Which layers lose the accuracy of an int8 network: signal-to-noise and share of the loss.

The float network to compare with is the simulation's own with every rounding off, so that what is
measured is the rounding, not a training in between.

share of the loss   The roundings are switched on one at a time, everything else float: a kernel, or
                    the output of a layer. Each gives an error, the mean squared difference of the
                    logits. A layer's share is the sum of its two errors over the sum of all: the
                    shares of a network add up to 1. Errors of a deep network do not add up quite;
                    `additivity` is the error of all at once over the sum of the single ones.
signal-to-noise     10 log10(mean of x^2 / mean of (x - rounded x)^2) for each channel, averaged in
                    dB over the channels that carry any signal. Taken over the whole tensor at once
                    it would be that of the largest channel, whatever became of the others.
"""

from dataclasses import dataclass

import keras
import numpy as np

from kerascnn.errors import required
from kerascnn.tables import Table

from ..subject.meaning import class_numbers
from ..subject.samples import Samples
from .findings import Layer
from .layer_table import worst_layers
from .probe import Probe
from .rounding import activation_facts, decibels, weight_facts


@dataclass(frozen=True)
class Analysis:
    """layers: the worst first. snr: dB, of all outputs.

    float_accuracy, int8_accuracy: 0..1, without and with the roundings, on `images`; where those
    have no labels, the float network's count. None where the outputs are no row of classes.
    """

    layers: tuple[Layer, ...]
    images: int
    float_accuracy: float | None
    int8_accuracy: float | None
    labelled: bool
    snr: float
    additivity: float

    @property
    def table(self) -> Table:
        """The worst layers: what each loses. `print(analysis.table)` shows it."""
        return worst_layers(self.layers)


def analyse(
    simulated: keras.Model,
    samples: Samples,
    meaning: str | None = None,
    *,
    negligible: float = 0.05,
) -> Analysis:
    """Finds what each layer of a simulation loses.

    Args:
        simulated: what `quantize` gave, calibrated.
        samples: to measure on. meaning: "classes" where the targets are those, of the only output.
        negligible: layers below this share are not run alone for their accuracy.

    Returns:
        An `Analysis`.
    """
    inputs = [np.asarray(x, "float32") for x in samples.inputs]
    probe = Probe(simulated)
    clean = probe.outputs(inputs)
    labelled = meaning == "classes" and samples.targets is not None
    labels = class_numbers(required(samples.targets)[0]) if labelled else None
    shapes = [y.shape for y in probe.model.outputs]
    if not labelled and len(shapes) == 1 and len(shapes[0]) == 2 and shapes[0][1] > 1:
        labels = clean.argmax(1)

    def error(outputs):
        return float(np.mean((outputs - clean) ** 2))

    def hits(logits):
        return float((logits.argmax(1) == labels).mean())

    errors = {}
    for number, unit in enumerate(probe.units):
        for side, present in (("weights", unit.kernel), ("activations", unit.switch)):
            if present is not None:
                probe.set([unit], **{side: True})
                errors[number, side] = error(probe.outputs(inputs))
                probe.set([unit], **{side: False})
    total = sum(errors.values()) or 1.0
    facts = activation_facts(probe, inputs)
    trained = None if labels is None else hits(clean)
    found = []
    for number, unit in enumerate(probe.units):
        of_weights, of_activations = (
            errors.get((number, side), 0.0) / total for side in ("weights", "activations")
        )
        alone = None
        if of_weights + of_activations >= negligible and trained is not None:
            probe.set([unit], weights=True, activations=True)
            alone = round(100 * (trained - hits(probe.outputs(inputs))), 6)
            probe.set([unit], weights=False, activations=False)
        weights = weight_facts(unit) if unit.kernel else None
        about = facts.get(id(unit))
        names = unit.name, unit.kind, tuple(unit.layers), tuple(unit.consumers)
        found.append(Layer(*names, of_weights, of_activations, weights, about, alone))
    probe.set(probe.units, weights=True, activations=True)
    rounded = probe.outputs(inputs)
    lost = error(rounded)
    return Analysis(
        tuple(sorted(found, key=lambda layer: -layer.share)),
        len(samples),
        trained,
        None if labels is None else hits(rounded),
        labelled,
        decibels(np.mean(clean**2), lost),
        lost / total,
    )

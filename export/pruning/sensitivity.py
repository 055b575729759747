"""What pruning one layer alone costs: Li et al., arXiv:1608.08710, Figure 2b; Han et al., "Learning
both Weights and Connections", arXiv:1506.02626, Figure 6.

Nothing is trained: the drops are those before fine-tuning, and their order tells which layers a
recipe should leave dense.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from kerascnn.errors import UserError, required
from kerascnn.evaluation import predictions
from kerascnn.models.graph import kernel_variable, output_names
from kerascnn.tables import Column, Table

from ..constraints.kernels import chosen_layers
from ..subject.metric import Metric
from ..subject.models import is_model_file
from ..subject.opening import open_subject
from ..subject.samples import Samples
from ..subject.subject import Subject, chosen
from .magnitude import largest

SPARSITIES = (0.25, 0.5, 0.75, 0.9)
TOLERATED = 1.0  # points of accuracy, or percent of an error, that a layer may cost and be pruned
KEPT = 0.1  # of the weights that a suggestion leaves dense at most: fine-tuning mends the rest


@dataclass(frozen=True)
class LayerSensitivity:
    """name: the layer. weights: how many its kernel has. figures: of the metric, one a sparsity."""

    name: str
    weights: int
    figures: tuple[float, ...]


@dataclass(frozen=True)
class Scan:
    """metric: what was measured. figure: of it, with no weight pruned, on so many `samples`.
    layers: the worst first."""

    metric: Metric
    figure: float
    samples: int
    sparsities: tuple[float, ...]
    layers: tuple[LayerSensitivity, ...]

    def drops(self, layer: LayerSensitivity) -> list[float]:
        """What a layer costs, one a sparsity: points where more of the metric is better, percent
        of the figure where less is; below zero where it gains."""
        return [self.metric.lost(self.figure, reached) for reached in layer.figures]

    def exclude(self, sparsity: float) -> list[str]:
        """The names of the layers to leave dense at a scanned sparsity.

        Of those that cost more than a point (or percent) the ones that cost most for each of their
        weights, as many as hold a tenth of all weights together.
        """
        column = self.sparsities.index(sparsity)
        costs = {layer: self.drops(layer)[column] for layer in self.layers}
        left, names = KEPT * self.weights, []
        for layer in sorted(costs, key=lambda layer: -costs[layer] / layer.weights):
            if costs[layer] > TOLERATED and layer.weights <= left:
                names.append(layer.name)
                left -= layer.weights
        return names

    @property
    def weights(self) -> int:
        """Of all layers that can be pruned."""
        return sum(layer.weights for layer in self.layers)

    @property
    def table(self) -> Table:
        """Layers x sparsities: what each costs. `print(scan.table)` shows it."""
        figure = f"{self.figure:.2%}" if self.metric.rises else f"{self.figure:.6g}"
        table = Table(
            "layer",
            Column("weights", right=True),
            *[Column(f"{share:.0%} zero", right=True) for share in self.sparsities],
            title=f"{self.metric.unit}, of {figure} on {self.samples} samples, one layer pruned, "
            "nothing trained",
        )
        for layer in self.layers:
            drops = [f"{drop:.1f}" for drop in self.drops(layer)]
            table.add(layer.name, f"{layer.weights:,}", *drops)
        return table


def sensitivity(
    source: Any,
    evidence: Any = None,
    *,
    metric: Any = None,
    samples: int = 1000,
    sparsities: Sequence[float] = SPARSITIES,
    data_dir: Path | None = None,
    **about: Any,
) -> Scan:
    """Prunes one layer of a model after the other, each by itself; leaves the model as it was.

    Args:
        source: a Keras model of any kind, the path of a .keras file, or a run, or the path of its
            folder, which brings its validation images.
        evidence: for a model or a file, inputs and targets to measure on; see `samples_of`.
        metric: for a model, what is measured: a Keras metric, its name, a function (targets,
            outputs) -> number, or a dict that names the output it belongs to; by default the
            accuracy of classes.
        samples: how many to try on; drawn once, where there are more.
        sparsities: the shares of zeros to try, each within 0..1.
        data_dir: for a run, as in `train`.
        about: for a model, what else `subject_of_model` takes: meanings, mode.

    Returns:
        A `Scan`, with a table.

    Raises:
        UserError: what does not fit, no targets, no metric, or no layer to prune.
    """
    if isinstance(source, keras.Model) or is_model_file(source):
        about = {"count": None, **about}
    if metric is not None:
        about = {"metric": metric, **about}
    subject = open_subject(source, evidence, data_dir=data_dir, **about)
    return scan(subject, samples=samples, sparsities=sparsities)


def scan(
    subject: Subject, *, samples: int = 1000, sparsities: Sequence[float] = SPARSITIES
) -> Scan:
    """The same for a `Subject`."""
    wrong = [s for s in sparsities if not 0 <= s <= 1]
    if wrong:
        raise UserError(f"sensitivity: expected shares of zeros within 0..1, got {wrong[0]}")
    taken = subject.samples.take(chosen(len(subject.samples), samples))
    if taken.targets is None:
        raise UserError(
            f"{subject.name}: what pruning costs shows on targets; give inputs and targets, (x, y)"
        )
    if subject.metric is None:
        raise UserError(
            f"{subject.name}: no output is classes ({', '.join(output_names(subject.model))}); "
            'give a metric, as metric="mean_squared_error"'
        )
    found, whole = [], _figure(subject, taken)
    for layer in chosen_layers(subject.model):
        variable = kernel_variable(layer)
        weights = ops.convert_to_numpy(variable).copy()
        try:
            reached = []
            for share in sparsities:
                variable.assign(weights * largest(np.abs(weights), 1 - share))
                reached.append(_figure(subject, taken))
        finally:
            variable.assign(weights)
        found.append(LayerSensitivity(layer.name, weights.size, tuple(reached)))
    found.sort(key=lambda layer: sum(layer.figures), reverse=not subject.metric.rises)
    return Scan(subject.metric, whole, len(taken), tuple(sparsities), tuple(found))


def _figure(subject: Subject, samples: Samples) -> float:
    outputs = predictions(subject.model, samples.inputs)
    return required(subject.metric).compute(outputs, required(samples.targets))


def suggestions(scan: Scan) -> list[str]:
    """Lines for a recipe: at each sparsity what to exclude, and what share of the weights it is."""
    lines = []
    for share in scan.sparsities:
        names = scan.exclude(share)
        dense = sum(x.weights for x in scan.layers if x.name in names) / scan.weights
        why = f"  # {dense:.1%} of the weights stay dense" if names else ""
        lines.append(f"  sparsity: {share:g}, exclude: [{', '.join(names)}]{why}")
    return lines


def as_json(scan: Scan) -> dict:
    """The scan as a dict for JSON: the metric's figures, and what is lost of it."""
    return {
        "metric": scan.metric.name,
        "figure": scan.figure,
        "samples": scan.samples,
        "sparsities": list(scan.sparsities),
        "layers": [
            {**vars(layer), "figures": list(layer.figures), "drops": scan.drops(layer)}
            for layer in scan.layers
        ],
        "exclude": {f"{share:g}": scan.exclude(share) for share in scan.sparsities},
    }

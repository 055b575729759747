"""What pruning one layer alone costs: Li et al., arXiv:1608.08710, Figure 2b; Han et al., "Learning
both Weights and Connections", arXiv:1506.02626, Figure 6.

Nothing is trained: the drops are those before fine-tuning, and their order tells which layers a
recipe should leave dense.
"""

from dataclasses import dataclass

import numpy as np
from keras import ops

from kerascnn.errors import UserError
from kerascnn.evaluation import accuracy, predictions
from kerascnn.tables import Column, Table
from kerascnn.training import open_run

from ..subject.subject import chosen
from .magnitude import kernel, largest, prunable

SPARSITIES = (0.25, 0.5, 0.75, 0.9)
TOLERATED = 1.0  # points of accuracy that a layer may cost and still be pruned
KEPT = 0.1  # of the weights that a suggestion leaves dense at most: fine-tuning mends the rest


@dataclass(frozen=True)
class LayerSensitivity:
    """name: the layer. weights: how many its kernel has. accuracies: 0..1, one a sparsity."""

    name: str
    weights: int
    accuracies: tuple[float, ...]


@dataclass(frozen=True)
class Scan:
    """accuracy: 0..1, with no weight pruned, on so many `images`. layers: the worst first."""

    accuracy: float
    images: int
    sparsities: tuple[float, ...]
    layers: tuple[LayerSensitivity, ...]

    def drops(self, layer):
        """The points of accuracy that a layer costs, one a sparsity; below zero where it gains."""
        return [round(100 * (self.accuracy - reached), 6) for reached in layer.accuracies]

    def exclude(self, sparsity):
        """The names of the layers to leave dense at a scanned sparsity.

        Of those that cost more than a point the ones that cost most for each of their weights, as
        many as hold a tenth of all weights together.
        """
        column = self.sparsities.index(sparsity)
        costs = {layer: self.drops(layer)[column] for layer in self.layers}
        left, chosen = KEPT * self.weights, []
        for layer in sorted(costs, key=lambda layer: -costs[layer] / layer.weights):
            if costs[layer] > TOLERATED and layer.weights <= left:
                chosen.append(layer.name)
                left -= layer.weights
        return chosen

    @property
    def weights(self):
        return sum(layer.weights for layer in self.layers)


def sensitivity(run, *, images=1000, sparsities=SPARSITIES, data_dir=None):
    """Scans the trained model of a run on its validation images.

    Args:
        run: a `Run`, or the path of its folder.
        images: how many to try on; drawn once, where there are more.
        sparsities: the shares of zeros to try, each within 0..1.
        data_dir: as in `train`.

    Returns:
        A `Scan`.

    Raises:
        UserError: a run that does not fit, or a network without a layer to prune.
    """
    run = open_run(run)
    data = run.data(data_dir)
    split = data.validation.take(chosen(len(data.validation), images))
    return scan(run.model(), data.pixels(split), split.labels, sparsities=sparsities)


def scan(model, images, labels, *, sparsities=SPARSITIES):
    """Prunes one layer of a model after the other, each by itself; leaves the model as it was.

    Args:
        model: raw pixels, 0..255 -> logits.
        images: (n, h, w, c) uint8. labels: (n,).
        sparsities: the shares of zeros to try, each within 0..1.

    Returns:
        A `Scan`.
    """
    wrong = [s for s in sparsities if not 0 <= s <= 1]
    if wrong:
        raise UserError(f"sensitivity: expected shares of zeros within 0..1, got {wrong[0]}")
    found, whole = [], accuracy(predictions(model, [images])[0], labels)
    for layer in prunable(model):
        variable = kernel(layer)
        weights = ops.convert_to_numpy(variable).copy()
        try:
            reached = []
            for share in sparsities:
                variable.assign(weights * largest(np.abs(weights), 1 - share))
                reached.append(accuracy(predictions(model, [images])[0], labels))
        finally:
            variable.assign(weights)
        found.append(LayerSensitivity(layer.name, weights.size, tuple(reached)))
    if not found:
        raise UserError(f"{model.name}: no convolution or dense layer to prune")
    found.sort(key=lambda layer: sum(layer.accuracies))
    return Scan(whole, len(labels), tuple(sparsities), tuple(found))


def sensitivity_table(scan):
    """Layers x sparsities: points of accuracy lost."""
    table = Table(
        "layer", Column("weights", right=True),
        *[Column(f"{share:.0%} zero", right=True) for share in scan.sparsities],
        title=f"points lost of {scan.accuracy:.2%} on {scan.images} validation images, "
        "one layer pruned, nothing trained",
    )  # fmt: skip
    for layer in scan.layers:
        drops = [f"{drop:.1f}" for drop in scan.drops(layer)]
        table.add(layer.name, f"{layer.weights:,}", *drops)
    return table


def suggestions(scan):
    """Lines for a recipe: at each sparsity what to exclude, and what share of the weights it is."""
    lines = []
    for share in scan.sparsities:
        names = scan.exclude(share)
        dense = sum(x.weights for x in scan.layers if x.name in names) / scan.weights
        why = f"  # {dense:.1%} of the weights stay dense" if names else ""
        lines.append(f"  sparsity: {share:g}, exclude: [{', '.join(names)}]{why}")
    return lines


def as_json(scan):
    """The scan as a dict for JSON: accuracies as shares, drops in points."""
    return {
        "accuracy": scan.accuracy,
        "images": scan.images,
        "sparsities": list(scan.sparsities),
        "layers": [
            {**vars(layer), "accuracies": list(layer.accuracies), "drops": scan.drops(layer)}
            for layer in scan.layers
        ],
        "exclude": {f"{share:g}": scan.exclude(share) for share in scan.sparsities},
    }

"""Which layers to train, by the table that lectures teach: how many images, and of which kind.

                    similar images            different images
    few             train the last layer      collect more; meanwhile train behind an early stage
    many            fine-tune all, slowly     train from scratch

(Stanford's CS231n, "Transfer learning"; Yosinski et al., arXiv:1411.1792.)
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from kerascnn.data import Data

MANY = 300  # training images of a class
# Of what pixels get wrong, that features of similar images get right. A rule of thumb: those of a
# network that learned CIFAR-10 closed a third, with ten images a class.
CLOSED = 0.25
LOOKED_AT = 1000  # images that similarity is measured on
FOLDS = 4
SIDE = 32  # pixels of an image as the probe sees it

Domain = Literal["similar", "different"]
Kind = Literal["last", "deeper", "earlier", "scratch"]
SLOWLY = 0.1  # the rate of layers that learned already, against that of a new one
RATES: Mapping[Kind, float] = {"last": 0.0, "deeper": SLOWLY, "earlier": SLOWLY, "scratch": 1.0}


@dataclass(frozen=True)
class Similarity:
    """How well a linear classifier tells held-out images by features, and by their pixels.

    features, pixels: shares, 0..1, that are right.
    """

    features: float
    pixels: float

    @property
    def domain(self) -> Domain:
        """Similar where features close a quarter of what pixels leave open."""
        left = 1 - self.pixels
        return "similar" if self.features - self.pixels >= CLOSED * left else "different"

    def told(self) -> str:
        """The measurement in words."""
        return (
            f"a linear classifier tells {self.features:.1%} of held-out images by the network's "
            f"features, {self.pixels:.1%} by their pixels: {self.domain}"
        )


@dataclass(frozen=True)
class Strategy:
    """kind: what is trained. why: the reason, a line."""

    kind: Kind
    why: str


def choose_strategy(images_per_class: float, domain: Domain) -> Strategy:
    """Looks up what to train.

    Args:
        images_per_class: of the training images, on average.
        domain: whether the images are like those that the network learned from.
    """
    many = images_per_class >= MANY
    count = f"{images_per_class:,.0f} images a class are {'many' if many else 'few'}"
    whole = f"{count} ({MANY} would be many), {domain} to those that the network learned from"
    table: dict[tuple[bool, str], tuple[Kind, str]] = {
        (False, "similar"): ("last", "the last layer is trained, all else stays"),
        (True, "similar"): (
            "deeper",
            f"all is trained, what has learned already at {SLOWLY:g} times the rate",
        ),
        (True, "different"): ("scratch", "all is trained from scratch"),
        (False, "different"): (
            "earlier",
            "collect more data, which helps more than any choice here; meanwhile what lies behind "
            f"the most telling stage is trained, at {SLOWLY:g} times the rate",
        ),
    }
    kind, what = table[many, domain]
    return Strategy(kind, f"{whole}: {what}")


def cross_validated(features: np.ndarray, labels: np.ndarray) -> float:
    """The share, 0..1, of held-out rows that logistic regression tells, over `FOLDS` folds.

    features: (n, ...), flattened. labels: (n,); of each class two at the least.
    """
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    folds = StratifiedKFold(
        min(FOLDS, int(np.bincount(labels).min())), shuffle=True, random_state=0
    )
    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=300))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # near enough for a rule of thumb
        scores = cross_val_score(probe, features.reshape(len(features), -1), labels, cv=folds)
    return float(scores.mean())


def sample(data: Data) -> tuple[np.ndarray, np.ndarray]:
    """At most `LOOKED_AT` training images, as many of each class as can be.

    Returns:
        Pixels, (n, *data.shape) uint8, and labels, (n,).
    """
    labels = data.train.labels
    each = max(2, LOOKED_AT // len(data.names))
    chosen = np.concatenate([np.flatnonzero(labels == k)[:each] for k in range(len(data.names))])
    part = data.train.take(chosen)
    return data.pixels(part), part.labels


def small(pixels: np.ndarray) -> np.ndarray:
    """Images of at most `SIDE` pixels a side, by averaging: (n, height, width, C) -> float32."""
    height, width = pixels.shape[1:3]
    step = max(1, -(-max(height, width) // SIDE))
    cut = pixels[:, : height // step * step, : width // step * step].astype("float32")
    n, h, w, c = cut.shape
    return cut.reshape(n, h // step, step, w // step, step, c).mean((2, 4))

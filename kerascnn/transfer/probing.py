"""How much features tell: linear classifiers on them, and their nearest neighbours."""

from dataclasses import dataclass

import numpy as np

from kerascnn.errors import UserError

MOST_STEPS = 2000  # of the solvers; features that are scaled need some hundreds


@dataclass(frozen=True)
class Probe:
    """What linear classifiers make of features: shares, 0..1, of held-out ones that are right."""

    logistic_regression: float
    linear_svm: float


def linear_probe(
    features: np.ndarray,
    labels: np.ndarray,
    held_out: np.ndarray,
    held_out_labels: np.ndarray,
    *,
    strength: float = 1.0,
) -> Probe:
    """Trains scikit-learn's logistic regression and linear SVM on features, and tests them.

    Features are standardized by the mean and the deviation of the first ones.

    Args:
        features: (n, ...), flattened. labels: (n,) integers, of two classes at least.
        held_out, held_out_labels: what is tested on, alike.
        strength: of the regularization, 1 / C.

    Raises:
        UserError: arrays that do not belong together, or one class alone.
    """
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import LinearSVC

    for what, x, y in (
        ("features", features, labels),
        ("held_out", held_out, held_out_labels),
    ):
        if len(x) != len(y) or not len(x):
            raise UserError(f"{what}: expected a label each, got {len(x)} rows, {len(y)} labels")
    if len(np.unique(labels)) < 2:
        raise UserError("labels: expected two classes at the least, got one")
    x, u = (part.reshape(len(part), -1) for part in (features, held_out))
    if x.shape[1] != u.shape[1]:
        raise UserError(f"held_out: expected {x.shape[1]} features, got {u.shape[1]}")
    found = []
    for classifier in (
        LogisticRegression(C=1 / strength, max_iter=MOST_STEPS),
        LinearSVC(C=1 / strength, max_iter=MOST_STEPS),
    ):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # near enough to tell what is told
            fitted = make_pipeline(StandardScaler(), classifier).fit(x, labels)
        found.append(float(fitted.score(u, held_out_labels)))
    return Probe(*found)


def nearest(features: np.ndarray, queries: np.ndarray, count: int = 5) -> np.ndarray:
    """Finds the features that point most nearly the same way as each query (largest cosine).

    Args:
        features: (n, ...), flattened. queries: (m, ...) alike. count: how many, at most n.

    Returns:
        Indices into `features`, (m, count), the nearest first.
    """
    unit = [_unit(part.reshape(len(part), -1)) for part in (features, queries)]
    if not 1 <= count <= len(features):
        raise UserError(f"count: expected 1 to {len(features)} neighbours, got {count}")
    if unit[0].shape[1] != unit[1].shape[1]:
        raise UserError(f"queries: expected {unit[0].shape[1]} features, got {unit[1].shape[1]}")
    return np.argsort(-(unit[1] @ unit[0].T), axis=1, kind="stable")[:, :count]


def _unit(rows: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.maximum(lengths, 1e-12)

"""Training and what it leaves behind."""

from kerascnn.training.run import Run, load_finite, load_model, open_run, refuse_not_finite
from kerascnn.training.train import fit, run_model, train

__all__ = [
    "Run", "fit", "load_finite", "load_model", "open_run", "refuse_not_finite", "run_model",
    "train",
]  # fmt: skip

"""Training and what it leaves behind."""

from kerascnn.training.run import Run, load_model, open_run
from kerascnn.training.train import fit, run_model, train

__all__ = ["Run", "fit", "load_model", "open_run", "run_model", "train"]

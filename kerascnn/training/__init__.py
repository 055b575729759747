"""Training and what it leaves behind."""

from kerascnn.training.callbacks import Diverged
from kerascnn.training.distillation import Distiller
from kerascnn.training.fitting import fit
from kerascnn.training.rate_range import RateRange, find_rate
from kerascnn.training.run import (
    MODEL_FILES,
    Run,
    load_finite,
    load_model,
    open_run,
    refuse_not_finite,
)
from kerascnn.training.train import finish, is_finished, run_model, train, write_settings

__all__ = [
    "Distiller",
    "Diverged",
    "RateRange",
    "MODEL_FILES",
    "Run",
    "finish",
    "find_rate",
    "fit",
    "is_finished",
    "load_finite",
    "load_model",
    "open_run",
    "refuse_not_finite",
    "run_model",
    "train",
    "write_settings",
]

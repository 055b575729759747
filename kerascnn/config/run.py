"""A config, whole: everything that a run depends on."""

from typing import Annotated, Any

from pydantic import AfterValidator, Field

from kerascnn.config.data import DataConfig
from kerascnn.config.optimization import (
    DistillationConfig,
    LossConfig,
    TrainingConfig,
)
from kerascnn.config.optimizers import Optimizer
from kerascnn.config.section import Section, sound_numbers


class ModelConfig(Section):
    """name: a registered network. Its classes come from the data, its channels too.

    arguments: arguments of its builder that replace those of the registered row, as {alpha: 0.5}.
    """

    name: str
    arguments: Annotated[dict[str, Any], AfterValidator(sound_numbers)] = Field(default={})


class Config(Section):
    """One run, whole."""

    model: ModelConfig
    data: DataConfig
    optimizer: Optimizer
    loss: LossConfig = LossConfig()
    distillation: DistillationConfig | None = None
    training: TrainingConfig

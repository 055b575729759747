"""A config, whole: everything that a run depends on."""

from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from kerascnn.config.data import DataConfig
from kerascnn.config.optimization import (
    DistillationConfig,
    LossConfig,
    TrainingConfig,
)
from kerascnn.config.optimizers import Optimizer
from kerascnn.config.section import Section, sound_numbers


class PretrainedConfig(Section):
    """Layers that begin with what a run has learned: VGG, arXiv:1409.1556, section 3.1.

    run: its folder. layers: their names, the same in both networks; all others begin at random.
    """

    run: str
    layers: tuple[str, ...] = Field(min_length=1)


class ModelConfig(Section):
    """name: a registered network. Its classes come from the data, its channels too.

    arguments: arguments of its builder that replace those of the registered row, as {alpha: 0.5}.
    pretrained: layers that begin with the weights of another network.
    """

    name: str
    arguments: Annotated[dict[str, Any], AfterValidator(sound_numbers)] = Field(default={})
    pretrained: PretrainedConfig | None = None


class Config(Section):
    """One run, whole."""

    model: ModelConfig
    data: DataConfig
    optimizer: Optimizer
    loss: LossConfig = LossConfig()
    distillation: DistillationConfig | None = None
    training: TrainingConfig

    @model_validator(mode="after")
    def _masks_have_cross_entropy(self):
        if self.data.targets == "masks":
            if self.loss.name != "cross_entropy":
                raise ValueError(
                    f"loss.name: {self.loss.name} is of a class an image; of masks "
                    "it is cross_entropy, averaged over the pixels"
                )
            if self.distillation:
                raise ValueError("distillation is of a class an image, not of masks")
        return self

"""The learning-rate schedules of a config: `optimizer.schedule`, each with what it takes."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from kerascnn.config.section import Count, Section, named


class _Schedule(Section):
    """peak: the largest learning rate."""

    name: str
    peak: float = Field(gt=0)


class _WarmedUp(_Schedule):
    """warmup: epochs of linear rise to `peak` before anything else."""

    warmup: float = Field(default=0, ge=0)


class ConstantSchedule(_WarmedUp):
    """Stays at `peak`."""

    name: Literal["constant"] = "constant"


class StepsSchedule(_WarmedUp):
    """Times `factor` at each of `epochs`."""

    name: Literal["steps"] = "steps"
    factor: float = Field(default=0.1, gt=0, lt=1)
    epochs: tuple[float, ...] = ()

    @model_validator(mode="after")
    def _drops_are_listed(self):
        if not self.epochs or sorted(set(self.epochs)) != list(self.epochs):
            raise ValueError("'epochs' is the rising list of drops of the schedule 'steps'")
        return self


class PlateauSchedule(_WarmedUp):
    """Times `factor` whenever the validation loss has not improved for `patience` epochs."""

    name: Literal["plateau"] = "plateau"
    factor: float = Field(default=0.1, gt=0, lt=1)
    patience: Count = 10


class ExponentialSchedule(_WarmedUp):
    """Times `factor` every `every` epochs, at once (`staircase`) or little by little.

    Inception-v3's: 0.94 every two epochs.
    """

    name: Literal["exponential"] = "exponential"
    factor: float = Field(default=0.94, gt=0, lt=1)
    every: float = Field(default=2.0, gt=0)
    staircase: bool = True


class PolynomialSchedule(_WarmedUp):
    """Down to `end` at the last step, as (1 - share of the training) ^ `power`."""

    name: Literal["polynomial"] = "polynomial"
    power: float = Field(default=1.0, gt=0)
    end: float = Field(default=0.0, ge=0)


class CosineSchedule(_WarmedUp):
    """Half a cosine down to `end` at the last step (arXiv:1608.03983, without restarts)."""

    name: Literal["cosine"] = "cosine"
    end: float = Field(default=0.0, ge=0)


class OneCycleSchedule(_Schedule):
    """Up and down once (Smith & Topin, arXiv:1708.07120), on half cosines.

    From `start` x peak to the peak in the share `rise` of the training, then down to `end` x peak.
    """

    name: Literal["one_cycle"] = "one_cycle"
    rise: float = Field(default=0.3, gt=0, lt=1)
    start: float = Field(default=0.04, gt=0, lt=1)
    end: float = Field(default=1e-4, ge=0, lt=1)


Schedule = Annotated[
    ConstantSchedule
    | StepsSchedule
    | PlateauSchedule
    | ExponentialSchedule
    | PolynomialSchedule
    | CosineSchedule
    | OneCycleSchedule,
    Field(discriminator="name"),
    named("constant"),
]

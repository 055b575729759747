"""What an experiment is told: the YAML file of a claim, and the configs of its arms."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, StringConstraints, field_validator, model_validator

import kerascnn.config as configs
from kerascnn.config import Config, Count, Section
from kerascnn.errors import UserError, unknown

CLAIMS = Path(__file__).with_name("claims")
DRAWN_KEYS = ("images", "classes")  # of data: how much is drawn, where it is drawn at all

Arm = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_.]*$", max_length=40)]


class MeasureConfig(Section):
    """A name of `kerascnn.experiments.MEASURES`, and the number that it takes, if it takes one."""

    name: str
    argument: float | None = None


def _measure(value):
    """A measure is written as its name, or as {name: argument}, {steps_to: 0.1}."""
    if isinstance(value, dict) and len(value) == 1 and "name" not in value:
        name, argument = next(iter(value.items()))
        return {"name": name, "argument": argument}
    return {"name": value} if isinstance(value, str) else value


class ClaimConfig(Section):
    """The YAML file of an experiment.

    claim: in a sentence. source: paper and figure or table. reported: the figure given there.
    measure: what is measured of each arm. expected: pairs of arms, "a < b": the figure of a is
    below that of b if the claim holds. train: a training config. arms: by name, what each has
    otherwise: dotted key of the config -> value. members: of an arm that is an ensemble, how many
    networks it has.
    """

    claim: str
    source: str
    reported: str
    measure: Annotated[MeasureConfig, BeforeValidator(_measure)]
    expected: Annotated[tuple[str, ...], Field(min_length=1)]
    train: dict[str, Any]
    arms: Annotated[dict[Arm, dict[str, Any]], Field(min_length=2)]
    members: dict[Arm, Count] = Field({})

    @field_validator("expected")
    @classmethod
    def _pairs(cls, pairs):
        for pair in pairs:
            if len(pair.split(" < ")) != 2:
                raise ValueError(f"expected pairs of arms as 'a < b', not {pair!r}")
        return pairs

    @model_validator(mode="after")
    def _arms_are_known(self):
        named = [name for pair in self.expected for name in pair.split(" < ")]
        for name in [*named, *self.members]:
            if name not in self.arms:
                raise ValueError(str(unknown("arm", name, self.arms)))
        return self


@dataclass(frozen=True)
class Experiment:
    """name: of its file. told: what stands there. arms: name -> the config that it trains with."""

    name: str
    told: ClaimConfig
    arms: dict[str, Config]

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """(arm, the arm whose figure should be above its own), as the claim expects."""
        split = [pair.split(" < ") for pair in self.told.expected]
        return [(left, right) for left, right in split]

    def asked(self) -> dict[str, Any]:
        """What determines the figures, as JSON: must be the same where an experiment goes on."""
        return {
            "measure": self.told.measure.model_dump(mode="json"),
            "members": dict(self.told.members),
            "arms": {name: config.model_dump(mode="json") for name, config in self.arms.items()},
        }


def experiment_names() -> list[str]:
    """The names of the experiments that come with the package, sorted."""
    return sorted(path.stem for path in CLAIMS.glob("*.yaml"))


def read_claim(source: str | Path) -> tuple[str, ClaimConfig]:
    """(name, contents) of an experiment: a name that is listed, or the path of a YAML file."""
    path = Path(source)
    if path.suffix not in (".yaml", ".yml"):
        if str(source) not in experiment_names():
            raise unknown("experiment", source, experiment_names())
        path = CLAIMS / f"{source}.yaml"
    return path.stem, configs.parse(ClaimConfig, configs.read_yaml(path), path)


def read_experiment(source: str | Path, overrides: Sequence[str] = ()) -> Experiment:
    """Reads an experiment.

    Args:
        source: a name that `experiment_names` lists, or the path of a YAML file.
        overrides: of the training config of all arms, as "data.name=cifar10"; what an arm has
            otherwise stays.

    Raises:
        UserError: no such experiment, measure, network, argument, key or value.
    """
    from kerascnn.experiments.measures import MEASURES  # Keras is not needed for a list of names
    from kerascnn.models import variant

    name, told = read_claim(source)
    if told.measure.name not in MEASURES:
        raise unknown("measure", told.measure.name, MEASURES)
    if MEASURES[told.measure.name].needs_argument != (told.measure.argument is not None):
        takes = "a number" if told.measure.argument is None else "no number"
        raise UserError(f"{name}: measure: {told.measure.name} takes {takes}")
    base = configs.override(_of_other_data(told.train, overrides), overrides)
    arms = {}
    for arm, changes in told.arms.items():
        texts = [f"{key}={json.dumps(value)}" for key, value in changes.items()]  # JSON is YAML
        arms[arm] = configs.parse(Config, configs.override(base, texts), f"{name}, {arm}")
        variant(arms[arm].model.name).check(arms[arm].model.arguments)
    return Experiment(name, told, arms)


def _of_other_data(train, overrides):
    """The config without how many images are drawn, where an override names other data."""
    if not any(text.startswith("data.name=") for text in overrides):
        return train
    data = {key: value for key, value in train["data"].items() if key not in DRAWN_KEYS}
    return {**train, "data": data}

"""What a search is told: the YAML file, and the training config that it names."""

import json
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, field_validator

import kerascnn.config as configs
from kerascnn.config import Config, Count, Section
from kerascnn.config.section import sound_numbers
from kerascnn.errors import UserError
from kerascnn.models import variant

from ..recipes.recipe import Recipe, load_recipe

Choices = Annotated[list[Any], Field(min_length=1)]


class Family(Section):
    """A registered network and, for some of its arguments, the values to choose from."""

    name: str
    arguments: Annotated[dict[str, Choices], AfterValidator(sound_numbers)] = Field({})


class SearchConfig(Section):
    """train: the training config, its path as seen from this file; its network is replaced.

    space: the families that candidates are drawn from, in turn. candidates: how many. fill: each
    takes at least this share of the limit on multiply-accumulates or of that on bytes.
    epochs: of each rung. keep: the share of the candidates that reaches the next rung, rounded up.
    recipe: makes the int8 file whose bytes are limited. seed: of the draw.
    """

    train: str
    changes: dict[str, Any] = Field({})
    space: Annotated[tuple[Family, ...], Field(min_length=1)]
    candidates: Annotated[int, Field(ge=1, le=10_000)]
    fill: float = Field(0.8, ge=0, le=1)
    epochs: Annotated[tuple[Count, ...], Field(min_length=1)]
    keep: float = Field(1 / 3, gt=0, lt=1)
    recipe: str = "static_wi8_ai8"
    seed: int = Field(0, ge=0, lt=2**32)

    @field_validator("epochs")
    @classmethod
    def _rungs_get_longer(cls, epochs):
        if list(epochs) != sorted(set(epochs)):
            raise ValueError("expected a rising list, as [3, 9, 27]")
        return epochs


class Asked(Section):
    """A search, whole: what is recorded with it, and must be the same where it goes on.

    macs, bytes: the limits. training: the config that candidates are trained with.
    """

    macs: Annotated[int, Field(ge=1)]
    bytes: Annotated[int, Field(ge=1)]
    search: SearchConfig
    training: Config

    @property
    def recipe(self) -> Recipe:
        """The recipe of the files that are measured."""
        return load_recipe(self.search.recipe)


def read_search(path: Path, *, macs: int, bytes: int, overrides: Any = ()) -> Asked:
    """Reads the config of a search and that of its training.

    Args:
        path: the YAML file. macs, bytes: the limits. overrides: of the training config, as
            "optimizer.schedule.peak=0.05".

    Raises:
        UserError: a file, key, network, argument or recipe that is not there, or an own number of
            epochs, which the rungs set.
    """
    path = Path(path)
    search = configs.parse(SearchConfig, configs.read_yaml(path), path)
    for family in search.space:
        variant(family.name).check(family.arguments)
    recipe = load_recipe(search.recipe)
    if recipe.method != "static" or recipe.compresses:
        raise UserError(
            f"{path}: recipe: expected one that quantizes without training, as static_wi8_ai8, got "
            f"{search.recipe!r}"
        )
    changes = [f"{key}={json.dumps(value)}" for key, value in search.changes.items()]
    overrides = [*changes, *overrides]  # JSON is YAML
    for text in overrides:
        if text.startswith("training.epochs="):
            raise UserError(f"{text}: the epochs of a search are those of its rungs, in {path}")
    rungs = f"training.epochs={search.epochs[-1]}"
    training = configs.load(path.parent / search.train, [*overrides, rungs])
    return Asked(macs=macs, bytes=bytes, search=search, training=training)

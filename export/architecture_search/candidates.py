"""Candidates: drawn from a space, kept where they fit the limits."""

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any

import keras

from kerascnn.config import Config, ModelConfig
from kerascnn.data import Data
from kerascnn.errors import UserError

from .config import Asked, Family
from .cost import counted, file_bytes

MOST_TRIED = 200  # networks that are looked at for each candidate that is asked for


@dataclass
class Candidate:
    """number: in the order of the draw, from 1. arguments: beside those of the network's row.

    macs, bytes: what it costs; None where another limit has refused it before. fits: whether it is
    one of the candidates. accuracy: on the validation images, one for each rung that it was trained
    for, of the best epoch up to there. diverged: whether the training of the last rung did.
    """

    number: int
    network: str
    arguments: dict[str, Any]
    macs: int | None = None
    bytes: int | None = None
    fits: bool = False
    accuracy: list[float] = field(default_factory=list)
    diverged: bool = False

    @property
    def name(self) -> str:
        """Its number and its network, as its folder is called."""
        return f"{self.number:03d}_{self.network}"

    def config(self, training: Config) -> Config:
        """The config of its training; the number of epochs stays that of `training`."""
        model = ModelConfig(name=self.network, arguments=self.arguments)
        return training.model_copy(update={"model": model})


def draw(
    asked: Asked, data: Data, tried: list[Candidate], keep: Callable[[], None]
) -> list[Candidate]:
    """Draws networks until as many as asked fit.

    Args:
        asked: the search. data: of its training. tried: those that were looked at before an
            interruption, in their order; more are appended. keep: called after each of them.

    Returns:
        The candidates; fewer than asked where the space has no more.

    Raises:
        UserError: none fits; says what stood in the way of the last one.
    """
    wanted, reason = asked.search.candidates, ""
    order = networks(asked.search.space, asked.search.seed)
    for number, (name, arguments) in enumerate(order, start=1):
        fitting = [one for one in tried if one.fits]
        if len(fitting) == wanted or number > MOST_TRIED * wanted:
            break
        if number <= len(tried):
            continue
        candidate = Candidate(number, name, arguments)
        reason = _examine(candidate, asked, data) or reason
        tried.append(candidate)
        keep()
    found = [one for one in tried if one.fits]
    if not found:
        raise UserError(
            f"none of {len(tried):,} networks of the space fits {asked.macs:,} "
            f"multiply-accumulates and {asked.bytes:,} bytes; of the last one, {reason}"
        )
    return found


def networks(space: tuple[Family, ...], seed: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """(name, arguments) of every network of a space, in a random order; families take turns."""
    drawn = random.Random(seed)
    turns = [_shuffled(family, drawn.randrange(2**32)) for family in space]
    while turns:
        for turn in list(turns):
            if (found := next(turn, None)) is None:
                turns.remove(turn)
            else:
                yield found


def _shuffled(family, seed):
    drawn, total = random.Random(seed), prod(map(len, family.arguments.values()))
    seen = set()
    # Spaces may have billions of networks: none is listed before it is its turn.
    while len(seen) < total:
        index = drawn.randrange(total)
        if index not in seen:
            seen.add(index)
            yield family.name, _chosen(family.arguments, index)


def _chosen(choices: Mapping[str, list], index: int) -> dict[str, Any]:
    """The values that a number, below the product of their counts, stands for."""
    found = {}
    for key, values in choices.items():
        index, place = divmod(index, len(values))
        found[key] = values[place]
    return found


def _examine(candidate, asked, data):
    """Fills in what a candidate costs and whether it fits; says why it does not."""
    config = candidate.config(asked.training)
    try:
        cost = counted(config, data)
    except (UserError, ValueError, TypeError) as error:
        return str(error).splitlines()[0]
    if cost.uncounted:
        return f"the multiplications of {', '.join(cost.uncounted)} cannot be counted"
    candidate.macs = cost.macs
    if cost.macs > asked.macs:
        return f"{cost.macs:,} multiply-accumulates are too many"
    if cost.params > asked.bytes:  # a byte a weight, at the least
        return f"{cost.params:,} parameters are too many"
    candidate.bytes = file_bytes(config, data, asked.recipe)
    keras.utils.clear_session()
    if candidate.bytes > asked.bytes:
        return f"{candidate.bytes:,} bytes are too many"
    used = max(candidate.macs / asked.macs, candidate.bytes / asked.bytes)
    candidate.fits = used >= asked.search.fill
    return "" if candidate.fits else f"{used:.0%} of the limits is less than fill asks for"

"""What minutes of measuring show and seconds do not: a processor that grows warm, and slower."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from kerascnn.errors import UserError

TURN = 0.5  # seconds a file is measured before the next has its turn


@dataclass(frozen=True)
class Drift:
    """How a latency changed while it was measured for minutes.

    minutes: how long. first, last: the medians of the first and of the last minute, in
    milliseconds; of the halves where there are less than two minutes. ratio: the last over the
    first. medians: of each minute in turn.
    """

    minutes: float
    first: float
    last: float
    ratio: float
    medians: list[float]


def sustained(
    turns: Sequence[Callable[[], float]],
    minutes: float,
    *,
    clock: Callable[[], float] = time.monotonic,
) -> list[Drift]:
    """Goes on measuring for some minutes, in turns.

    Args:
        turns: a function a file: measures it for a while and returns the median, in milliseconds.
        minutes: how long for all of them together; more than 0.
        clock: seconds.

    Raises:
        UserError: no time at all.
    """
    if not minutes > 0:
        raise UserError(f"expected more than 0 minutes of sustained measuring, got {minutes}")
    seen: list[list[tuple[float, float]]] = [[] for _ in turns]
    for began in _until(60 * minutes, clock):
        for place, turn in enumerate(turns):
            seen[place].append((began, turn()))
    return [drift(found, minutes) for found in seen]


def _until(seconds: float, clock: Callable[[], float]) -> Iterator[float]:
    """The seconds since the beginning at each turn; two turns at least, or there is no drift."""
    start, turns = clock(), 0
    while (now := clock() - start) < seconds or turns < 2:
        yield now
        turns += 1


def drift(turns: Sequence[tuple[float, float]], minutes: float) -> Drift:
    """The drift of the turns of one file.

    Args:
        turns: (seconds since the beginning, the median of that turn in milliseconds), in order.
        minutes: how long they were to take.
    """
    whole = turns[-1][0]
    minute = min(60.0, whole / 2)
    first = _median(t for at, t in turns if at < max(minute, 1e-9))
    last = _median(t for at, t in turns if at >= whole - minute)
    count = int(whole // 60) + 1
    medians = [[t for at, t in turns if int(at // 60) == place] for place in range(count)]
    return Drift(minutes, first, last, last / first, [_median(part) for part in medians if part])


def _median(values) -> float:
    return float(np.median(list(values)))

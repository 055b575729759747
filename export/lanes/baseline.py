"""Figures compared with those of another day: a ratio each, and a limit that CI can hold."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kerascnn.errors import UserError
from kerascnn.files import read_json


@dataclass(frozen=True)
class Change:
    """One figure now and then. exceeds: whether its ratio is over the limit."""

    file: str
    lane: str
    setting: str
    evidence: str
    before: float | None
    now: float | None
    ratio: float | None
    exceeds: bool


def changes(record: Mapping[str, Any], baseline: str | Path, limit: float) -> list[Change]:
    """Compares a record with the one in a file, figure by figure.

    A figure is the same one where the name of the file, the lane and the setting are. One that was
    there and is none any more exceeds every limit; a new one exceeds none.

    Args:
        baseline: a JSON that `kerascnn benchmark --lanes` wrote. limit: the largest ratio.

    Raises:
        UserError: not such a file.
    """
    before = read_json(baseline)
    try:
        known = {_key(row): row["value"] for row in before["figures"]}
    except (KeyError, TypeError):
        raise UserError(
            f"{baseline}: no figures of lanes; kerascnn benchmark FILE --lanes NAME --out DIR "
            "writes them"
        ) from None
    found = []
    for row in record["figures"]:
        old, new = known.get(_key(row)), row["value"]
        ratio = new / old if old and new is not None else None
        lost = old is not None and new is None
        found.append(
            Change(
                *_key(row), row["evidence"], old, new, ratio, lost or bool(ratio and ratio > limit)
            )
        )
    return found


def _key(row):
    return Path(row["file"]).name, row["lane"], row["setting"]

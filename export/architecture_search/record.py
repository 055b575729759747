"""search.json: what was asked, what was looked at, what came of it. A search goes on from it."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from kerascnn.config import differences
from kerascnn.errors import UserError
from kerascnn.files import read_json, write_json

from .candidates import Candidate
from .config import Asked

FILE = "search.json"


def write_record(out: Path, asked: Asked, tried: Sequence[Candidate]) -> None:
    """Writes the record of a search into its folder."""
    write_json(
        out / FILE,
        {"asked": asked.model_dump(mode="json"), "tried": [asdict(one) for one in tried]},
    )


def read_record(out: Path, asked: Asked, *, resume: bool) -> list[Candidate]:
    """The candidates that a search in a folder has looked at; none where it is yet to begin.

    Raises:
        UserError: a search that is not to go on, one that asked for something else, or a file that
            is none.
    """
    path = out / FILE
    if not path.exists():
        return []
    if not resume:
        raise UserError(f"{out}: holds a search already; give another --out, or --resume it")
    record = read_json(path)
    try:
        told = differences(record["asked"], asked.model_dump(mode="json"), "in the search")
        tried = [Candidate(**one) for one in record["tried"]]
    except (KeyError, TypeError, AttributeError):
        raise UserError(
            f"{path}: not the record of a search; remove the folder to begin anew"
        ) from None
    if told:
        raise UserError(
            f"{out}: goes on only with its own config: {'; '.join(told[:3])}; leave that as it "
            "was, or give another --out"
        )
    return tried

"""The contract of an artifact: the JSON beside it says what an app must know to use it."""

import hashlib
from pathlib import Path
from typing import Any

from kerascnn.errors import UserError
from kerascnn.files import read_json, write_json

CONTRACT = 1  # the version of what metadata says, for apps that read it


def metadata_path(path: str | Path) -> Path:
    """Where the JSON of an artifact stands: model_int8.tflite.json."""
    path = Path(path)
    return path.with_name(path.name + ".json")


def read_metadata(path: Path) -> dict[str, Any]:
    """Reads the JSON beside an artifact and makes sure that it speaks of this very file.

    Raises:
        UserError: no metadata, or one of another file.
    """
    path, metadata = Path(path), metadata_path(path)
    if not metadata.exists():
        raise UserError(
            f"{metadata} is missing; kerascnn convert writes it beside the file. One "
            "that another tool wrote is compared with --against my.keras"
        )
    facts = read_json(metadata)
    try:
        expected, _, ends = facts["sha256"], facts["recipe"]["name"], facts["inputs"]
        _ = [end["height"] if path.suffix == ".kcnn" else end["shape"] for end in ends]
    except (KeyError, TypeError):
        raise UserError(
            f"{metadata}: not the metadata of an artifact; convert the run again"
        ) from None
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != expected:
        raise UserError(
            f"{path}: changed since it was verified (sha256 {found[:12]}, its metadata says "
            f"{str(expected)[:12]}); convert the run again"
        )
    return facts


def refuse_to_replace(path: Path, name: str) -> None:
    """UserError where a verified file that another recipe than `name` made stands at `path`."""
    try:
        maker = read_json(metadata_path(path))["recipe"]["name"]
    except (UserError, KeyError, TypeError):
        return  # nothing there, or metadata that nobody can use any more
    if maker != name:
        raise UserError(
            f"{path}: is there already, made by the recipe {maker}; remove it, or write another "
            f"'artifact' in the recipe {name}"
        )


def amend(path: Path, **facts: Any) -> None:
    """Adds what was measured later to the metadata of an artifact."""
    metadata = metadata_path(path)
    write_json(metadata, {**read_json(metadata), **facts})

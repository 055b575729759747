"""What run.json promises to whoever runs the model of a run."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from kerascnn.config import parse
from kerascnn.errors import UserError
from kerascnn.files import read_json

Side = Annotated[int, Field(strict=True, ge=1, le=2**15)]  # pixels


class Facts(BaseModel):
    """labels: the classes. input_shape: (height, width, channels). resize: as in a config."""

    labels: Annotated[list[str], Field(min_length=1)]
    input_shape: tuple[Side, Side, Literal[1, 3]]
    resize: Literal["stretch", "pad"]


def read_facts(path: Path) -> dict[str, Any]:
    """Reads run.json: a dict, in which these three fit; UserError where one does not."""
    facts = read_json(path)
    try:
        parse(Facts, facts, path)
    except UserError as error:
        raise UserError(f"{error}; train the run again") from None
    return facts

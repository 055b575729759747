"""What every section of a config or recipe is, and the numbers that fit into one."""

import math
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

MOST_SIDE = 4096  # pixels; the widest input of a registered network has 331
MOST_BATCH = 2**16  # images; the largest batches that papers train with have 32,768
MOST_VALUES = 2**32  # of a batch of images: 16 GiB of float32, to which activations come
LARGEST = 2**31 - 1  # of whole numbers that are counted with; TensorFlow's indices end there

Side = Annotated[int, Field(ge=1, le=MOST_SIDE)]
Count = Annotated[int, Field(ge=1, le=LARGEST)]


class Section(BaseModel):
    """A part of a config: frozen, and without room for keys or numbers that mean nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def named(default: str) -> BeforeValidator:
    """Of sections that `name` tells apart, the one that is meant where none is named."""
    return BeforeValidator(
        lambda tree: {"name": default, **tree} if isinstance(tree, dict) else tree
    )


def sound_numbers(value: Any) -> Any:
    """`value`, of any kind, if no number in it is infinite, not a number, or beyond 64 bits."""
    waiting, seen = [value], set()
    while waiting:
        part = waiting.pop()
        if id(part) in seen:  # YAML may name a part of itself many times
            continue
        seen.add(id(part))
        if isinstance(part, dict):
            waiting += part.values()
        elif isinstance(part, (list, tuple)):
            waiting += part
        elif isinstance(part, float) and not math.isfinite(part):
            raise ValueError(f"expected finite numbers, not {part}")
        elif isinstance(part, int) and abs(part) >= 2**63:
            raise ValueError("expected numbers of at most 64 bits")
    return value

"""The 1000 classes of ImageNet's challenge, in the order that every network has them.

That is the order of their WordNet ids ("synsets"), which the names of training folders are. The
challenge's own development kit numbers them otherwise, from 1.
"""

from functools import cache
from pathlib import Path
from typing import NamedTuple

CLASSES = 1000


class Synset(NamedTuple):
    """id: of WordNet, as "n01440764". name: the first of its words, as "tench"."""

    id: str
    name: str


@cache
def imagenet_classes() -> tuple[Synset, ...]:
    """The classes in the order of a network's outputs."""
    text = Path(__file__).with_name("imagenet_classes.txt").read_text(encoding="utf-8")
    return tuple(Synset(*line.split(" ", 1)) for line in text.splitlines())

"""Tables from the names of our layers to those of another zoo.

The left side is a name of ours. {s}, {b} and {k} stand for its numbers, stage, block and place in
the block; {u} for its last word, conv or bn. The right side may use them, a number also less one,
{s0}, and plus one, {s1}; and {n}, the number of the block in the whole network, from 1. A
function in place of the right side gets them as keywords.
"""

import re
from collections.abc import Callable, Iterable, Mapping

Naming = Callable[[Iterable[str]], dict[str, str]]  # our layers -> {name of ours: of theirs}

PLACES = {"s": r"(?P<s>\d+)", "b": r"(?P<b>\d+)", "k": r"(?P<k>\d+)", "u": r"(?P<u>conv|bn)"}
BLOCK = re.compile(r"stage(\d+)_(?:block)?(\d+)_")


def by_table(table: Mapping[str, str | Callable[..., str]]) -> Naming:
    """Returns a function: names of our layers -> {name of ours: name of theirs}.

    The first line that matches a name counts; a name that none matches is left out.
    """
    lines = [(re.compile(ours.format(**PLACES)), theirs) for ours, theirs in table.items()]

    def names(layers: Iterable[str]) -> dict[str, str]:
        blocks = sorted({number for name in layers if (number := block(name))})
        found = {}
        for name in layers:
            hits = ((pattern.fullmatch(name), theirs) for pattern, theirs in lines)
            match, theirs = next((hit for hit in hits if hit[0]), (None, ""))
            if match:
                known = match.groupdict()
                number = {key: int(text) for key, text in known.items() if key != "u"}
                own = block(name)
                number["n"] = blocks.index(own) + 1 if own else 0
                for key, value in number.items():
                    known |= {key: value, f"{key}0": value - 1, f"{key}1": value + 1}
                found[name] = theirs(**known) if callable(theirs) else theirs.format(**known)
        return found

    return names


def block(name: str) -> tuple[int, int] | None:
    """(stage, block) of a layer that lies in a block, else None."""
    match = BLOCK.match(name)
    return match and (int(match[1]), int(match[2]))

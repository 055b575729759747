"""How a picture of another size becomes what an input takes, in the words of metadata.

Whoever reads metadata, the app and the page too, knows these words, or refuses the file.
"""

import re
from collections.abc import Sequence

from kerascnn.config import Transform

STRETCH = "stretch"
RESIZES = {
    STRETCH: "bilinear to height x width, half-pixel centers, aspect not kept",
    "pad": "centered between zeros, not scaled",
}
MIDDLE = (
    "bilinear to a shorter side of {side}, half-pixel centers, aspect kept; then the middle "
    "height x width"
)
_MIDDLE = re.compile(re.escape(MIDDLE).replace(r"\{side\}", r"(\d+)"))


def resize_in_words(rule: str, transforms: Sequence[Transform], size: tuple[int, int]) -> str:
    """What metadata says.

    Args:
        rule: "stretch" or "pad". transforms: of `data.evaluate`, which come before it.
        size: (height, width) of the input.
    """
    if not transforms:
        return RESIZES[rule]
    side = transforms[0].argument
    if [t.name for t in transforms] == ["resize_short", "center_crop"] and side >= max(size):
        return MIDDLE.format(side=side)
    names = (t.name if t.argument is None else f"{t.name} {t.argument}" for t in transforms)
    return f"as kerascnn's {', '.join(names)}; then {RESIZES[rule]}"


def resize_of(words: str) -> tuple[str, tuple[Transform, ...]]:
    """(rule, transforms) of what metadata says; ("stretch", ()) where it says something else."""
    if found := _MIDDLE.fullmatch(words):
        short = Transform(name="resize_short", argument=int(found[1]))
        return STRETCH, (short, Transform(name="center_crop"))
    return {text: rule for rule, text in RESIZES.items()}.get(words, STRETCH), ()

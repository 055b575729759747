"""Why an int8 file loses accuracy: `export.debug`."""

from typing import Any

from kerascnn.errors import UserError

from .analysis import Analysis, analyse
from .case import open_case

COUNT = 200


def debug(
    source: Any, evidence: Any = None, *, recipe: Any = None, count: int = COUNT, **about: Any
) -> Analysis:
    """Finds which layers of an int8 network lose its accuracy.

    Args:
        source: what `export.quantize` gave; a .tflite or .onnx file, also one of a run that
            `convert` refused to keep; a float model or .keras file, with `recipe`.
        evidence: of a model, what to measure on; see `samples_of`.
        recipe: what makes int8 of a float model, as "static_wi8_ai8"; of a missing file where its
            name does not tell it.
        count: how many samples to measure on.
        about: as in `deliver`.

    Returns:
        An `Analysis`, the worst layer first; its `table` is what the terminal shows.

    Raises:
        UserError: nothing that rounds to int8, or a run that is incomplete.
    """
    if count < 1:
        raise UserError(f"expected at least 1 image, got {count}")
    case = open_case(source, evidence, recipe=recipe, **about)
    return analyse(case.reference.model, case.sample(count), case.meaning)

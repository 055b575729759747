"""A file run as if its inputs and outputs were called, typed and laid out as a model's are."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from kerascnn.errors import UserError, unknown

from ..proof.checks import in_steps
from ..runtimes import Artifact
from ..runtimes.content import End
from .pairing import Match, Wanted, pair


@dataclass(frozen=True)
class Found:
    """What a file made of the inputs of a model: for each output of the model the array as the file
    gives it, (n, ...) without axes of one, its end, as the engine and as the file has it, and in
    words what had to be done for that."""

    outputs: list[np.ndarray]
    ends: list[dict]
    contents: list[End]
    notes: tuple[str, ...]


def run_aligned(
    artifact: Artifact,
    inputs: list[Wanted],
    values: list[np.ndarray],
    outputs: list[tuple[str, np.ndarray]],
    *,
    calls: bool,
    model: str,
    names: Mapping[str, str] | None = None,
    ordered: bool = True,
) -> Found:
    """Runs a file on the inputs of a model, and gives its outputs in the model's order.

    Args:
        artifact: the file.
        inputs: those of the model. values: an array, (n, ...), for each, real numbers.
        outputs: (name, what the model gives, (n, ...)), for each of its outputs.
        calls: whether each of the n is a whole input.
        model: what errors call the model. names: name in the file -> name in the model.
        ordered: whether the outputs are in the order that the model was built with.

    Raises:
        UserError: inputs or outputs that cannot be told from each other, do not fit, or are no
            numbers.
    """
    files = (model, artifact.path)
    artifact.refuse_unknown((*artifact.inputs, *artifact.outputs))
    ours = [*(w.name for w in inputs), *(name for name, _ in outputs)]
    for name in (names or {}).values():
        if name not in ours:
            raise unknown(f"input or output of {model}", name, ours)
    matches = pair(inputs, artifact.content.inputs, what="input", files=files, names=names)
    single = not calls and not artifact.batched  # a model of samples, a file of whole inputs
    if single:
        values = [x[:, None] for x in values]
    given = {}
    for match, x in zip(matches, values, strict=True):
        laid = np.stack([match.to_file(v) for v in x]) if calls or single else match.to_file(x)
        given[match.index] = from_values(laid, artifact.inputs[match.index], artifact.path)
    arrays = [np.ascontiguousarray(given[i]) for i in range(len(given))]
    count = len(values[0]) if values else 1
    found = artifact.call(arrays, count) if calls or single else artifact.run(arrays)

    narrowed = [_narrow(y) for y in found]
    wanted = [Wanted(name, (-1, *_narrow(y).shape[1:])) for name, y in outputs]
    ends = [
        replace(end, shape=(-1, *y.shape[1:]))
        for end, y in zip(artifact.content.outputs, narrowed, strict=True)
    ]
    back = pair(
        wanted, ends, what="output", files=files, names=names, ordered=ordered, like=matches
    )
    notes = [
        *_notes(inputs, matches, artifact.content.inputs, "input"),
        *_notes(wanted, back, ends, "output"),
    ]
    return Found(
        [match.to_model(narrowed[match.index]) for match in back],
        [artifact.outputs[match.index] for match in back],
        [artifact.content.outputs[match.index] for match in back],
        tuple(notes),
    )


def from_values(values: np.ndarray, end: dict, path: object) -> np.ndarray:
    """Real numbers as an input of a file takes them: by its scale, or as they are in its dtype.

    Raises:
        UserError: numbers that its dtype does not hold.
    """
    dtype = np.dtype(end["dtype"])
    if dtype.kind == "f":
        return values.astype(dtype)
    if end["scale"] is not None:
        return in_steps(values, end).astype(dtype)
    if dtype.kind == "b":
        return values != 0
    whole, limits = np.rint(values), np.iinfo(dtype)
    if values.size and (whole.min() < limits.min or whole.max() > limits.max):
        raise UserError(
            f"{path}: input {end['name']} is {dtype} without a scale, and does not hold "
            f"{values.min():g}..{values.max():g}"
        )
    return whole.astype(dtype)


def _narrow(array):
    """(n, ...) without the axes of one behind the first."""
    return array.reshape(len(array), *(n for n in array.shape[1:] if n != 1))


def _notes(wanted: list[Wanted], matches: list[Match], ends, what) -> list[str]:
    found = []
    for w, match in zip(wanted, matches, strict=True):
        end = ends[match.index]
        if match.axes is not None:
            order = "first" if match.axes[1] == len(match.axes) - 1 else "last"
            found.append(f"{what} {w.name}: transposed, the file has its channels {order}")
        if w.name not in (end.alias, end.name) and len(matches) > 1:
            found.append(f"{what} {w.name}: compared with {end.alias or end.name} of the file")
    return found

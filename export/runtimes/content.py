"""What stands in a file, whoever wrote it: read without an engine, which may refuse the file.

This module is imported by the worker process: it must stay free of TensorFlow and Keras.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class End:
    """An input or output as the file declares it.

    alias: its name in the signature of the file; None where that has none. shape: -1 for what is
    open. dtype: as NumPy calls it, or "string". scale, zero_point: of a tensor of one scale;
    channels: how many scales it has where that is more than one. step: the scale of the integers
    that carry it, also where they stand behind a float end.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    alias: str | None = None
    scale: float | None = None
    zero_point: int | None = None
    channels: int | None = None
    step: float | None = None


@dataclass(frozen=True)
class Island:
    """An operator that computes in float in an int8 file. tensor: the name of what it makes."""

    operator: str
    tensor: str


@dataclass(frozen=True)
class Content:
    """The facts of a .tflite or .onnx file.

    arithmetic: "float32", "float16" (weights or all of it), "dynamic" (weights of 8 bits or fewer,
        activations float or rounded as they come), "int8" or "int16x8".
    operators: {"name", "version", "count"}, in all graphs. minimum_runtime: in words, or None.
    islands: in an int8 file; an empty tuple elsewhere. foreign: names of custom operators and of
        those that need TensorFlow (Flex) or another domain's implementation.
    signatures: name -> (names of inputs, names of outputs). graphs: their names, the first is run.
    scales: (weights with a scale a channel, weights with one scale).
    external: names of files beside it that hold its weights.
    """

    format: str
    arithmetic: str
    operators: list[dict]
    minimum_runtime: str | None
    inputs: tuple[End, ...]
    outputs: tuple[End, ...]
    islands: tuple[Island, ...] = ()
    foreign: tuple[str, ...] = ()
    signatures: dict[str, tuple[list[str], list[str]]] = field(default_factory=dict)
    graphs: tuple[str, ...] = ()
    scales: tuple[int, int] = (0, 0)
    external: tuple[str, ...] = ()


def content_of(facts: dict) -> Content:
    """A `Content` out of the dict that `dataclasses.asdict` made of it and JSON carried."""
    ends = {
        side: tuple(End(**{**end, "shape": tuple(end["shape"])}) for end in facts[side])
        for side in ("inputs", "outputs")
    }
    return Content(
        **{
            **facts,
            **ends,
            "islands": tuple(Island(**island) for island in facts["islands"]),
            **{key: tuple(facts[key]) for key in ("foreign", "graphs", "scales", "external")},
        }
    )

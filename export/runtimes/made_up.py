"""Inputs that nobody gave, for files that are only to be timed."""

import time
from collections.abc import Callable, Sequence

import numpy as np

from .engines import LoadedEngine

BYTES = ("int8", "uint8")  # pixels and quantized numbers: any value is one
TOKENS = 2  # other integers are numbers of something, and the first two exist nearly everywhere
# What an open size is tried as: images, then sequences, then whatever runs.
SIZES = (224, 64, 32, 16, 8, 3, 2, 1)
MOST = 2**24  # numbers that an input with open sizes may have


def made_up(end: dict, shape: Sequence[int], rng: np.random.Generator) -> np.ndarray:
    """Random numbers for one input: floats in -1..1, any byte, small integers, truths.

    Args:
        end: the input, as an engine describes it. shape: without open sizes. rng: draws them.
    """
    dtype = np.dtype(end["dtype"])
    if dtype.kind == "f":
        return rng.uniform(-1, 1, shape).astype(dtype)
    if dtype.kind == "b":
        return rng.integers(0, 2, shape).astype(bool)
    if end["scale"] is not None or end["dtype"] in BYTES:
        limits = np.iinfo(dtype)
        return rng.integers(limits.min, limits.max, shape, dtype=dtype, endpoint=True)
    return rng.integers(0, TOKENS, shape).astype(dtype)


def runnable(engine: LoadedEngine, sign: Callable[[], None]) -> tuple[list[np.ndarray], int]:
    """Inputs of one sample on which an engine runs, found by trying sizes that are left open.

    Args:
        engine: a loaded one. sign: called between tries.

    Returns:
        (the inputs, put in; nanoseconds of the run that proved it).

    Raises:
        Exception: of the engine, where it refuses all of them.
    """
    refusal, tried = None, []
    for size in SIZES:
        shapes = [_sized(end["shape"], size) for end in engine.inputs]
        if shapes in tried or (size > 1 and any(np.prod(s, dtype=float) > MOST for s in shapes)):
            continue
        tried.append(shapes)
        for blank in (False, True):
            rng = np.random.default_rng(0)
            arrays = [
                np.zeros(shape, end["dtype"]) if blank else made_up(end, shape, rng)
                for end, shape in zip(engine.inputs, shapes, strict=True)
            ]
            try:
                engine.prepare(arrays)
                began = time.perf_counter_ns()
                engine.invoke()
                took = time.perf_counter_ns() - began
            except Exception as error:  # each engine has its own kinds
                refusal = error
                sign()
            else:
                return arrays, took
    raise refusal or ValueError("takes inputs too large to be made up")


def _sized(shape, size):
    """A shape with one sample and every other open size as `size`."""
    return [n if n >= 0 else 1 if axis == 0 else size for axis, n in enumerate(shape)]

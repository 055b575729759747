"""Models without weights: what they would take is counted before room is made for it."""

import json
import math
import random
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import keras

from kerascnn.models.graph.internals import built, bytes_of, waiting_variables


@contextmanager
def without_weights() -> Iterator[Callable[[], int]]:
    """Models built inside have shapes and parameters that can be counted, but never get weights.

    They cannot run. `keras.StatelessScope` alone puts the weights off until it is left.

    Yields:
        A function that returns the bytes which the variables made so far would take.
    """
    waiting = waiting_variables()
    before = len(waiting)
    try:
        with keras.StatelessScope(initialize_variables=False):
            yield lambda: sum(math.prod(v.shape) * bytes_of(v.dtype) for v in waiting[before:])
    finally:
        del waiting[before:]  # else the end of whatever scope comes next would make them after all


def needed_bytes(architecture: str | bytes, *, safe_mode: bool = True, legacy: bool = False) -> int:
    """Returns the bytes that the weights of a model take, without room being made for them.

    Args:
        architecture: the JSON of a saved model. What is wrong with it, loading it will say; then
            the weights before that count.
        safe_mode: as in `keras.models.load_model`. legacy: whether it is of an HDF5 file.
    """
    drawn = random.getstate()  # layers without a seed draw one, and will again
    try:
        with without_weights() as bytes_so_far:
            with suppress(Exception), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                built(json.loads(architecture), safe_mode=safe_mode, legacy=legacy)
            return bytes_so_far()
    finally:
        random.setstate(drawn)

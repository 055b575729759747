"""What the tests of the zoo share."""

import functools
import gc

import pytest

import kerascnn
from kerascnn.models.graph import without_weights


@pytest.fixture(scope="session")
def build():
    """Builds a network by name, once: shapes, names and counts, and no weights."""

    @functools.cache
    def build(name, **arguments):
        with without_weights():
            model = kerascnn.build(name, **arguments)
        gc.freeze()  # kept to the end: no use in looking through them for garbage again
        return model

    return build

"""What the tests of the zoo share."""

import functools
import gc

import keras
import pytest

import kerascnn


@pytest.fixture(scope="session")
def build():
    """Builds a network by name, once: shapes, names and counts, and no weights."""

    @functools.cache
    def build(name, **arguments):
        with keras.StatelessScope(initialize_variables=False):
            model = kerascnn.build(name, **arguments)
        # Keras would make up for the weights in any later scope; this it forgets here.
        keras.utils.clear_session(free_memory=False)
        gc.freeze()  # kept to the end: no use in looking through them for garbage again
        return model

    return build

"""Loading models from files."""

import sys

from keras import Input, Model, layers

from kerascnn.models.graph import allow_depth
from kerascnn.training import load_model


def test_a_model_deeper_than_pythons_stack_is_loaded(tmp_path):
    before = sys.getrecursionlimit()
    try:
        allow_depth(1200)
        x = image = Input((2,))
        for _ in range(1200):
            x = layers.Identity()(x)
        model = Model(image, x)
        model.save(tmp_path / "model.keras")
        sys.setrecursionlimit(before)  # as in another process
        assert len(load_model(tmp_path / "model.keras").layers) == len(model.layers)
    finally:
        sys.setrecursionlimit(before)

"""State dicts of torchvision and timm in .safetensors files: against what torch computes.

Without torch from a record of names, shapes and logits; where torch is, of every network.
"""

import json

import keras
import numpy as np
import pytest
from drawn_weights import draw, pixels
from safetensors.numpy import load_file, save_file
from torch_networks import CLASSES, RECORD, RECORDED, TIMM, TORCHVISION, logits, network

import kerascnn
from kerascnn import UserError
from kerascnn.models.graph import without_weights
from kerascnn.models.weights.state_dicts import STATE_DICTS

ENTRIES = json.loads(RECORD.read_text())
HEAVY = {"vgg11", "vgg11 timm", "inception_v3_aux", "alexnet_one_tower"}  # or seen in another

# float32 sums in another order: 1e-7 a layer, some 100 layers; a tensor in the wrong place, or
# one that is transposed, changes every digit.
TOLERANCE = 1e-5


def difference(found, expected):
    """The largest difference, over the largest logit."""
    return np.abs(found - expected).max() / np.abs(expected).max()


def run(name, path):
    """Raw pixels through the network `name` with the weights of `path`; one row a classifier."""
    name = name.split()[0]
    model = kerascnn.build(name, num_classes=CLASSES, weights=path)
    model = kerascnn.normalized(model, kerascnn.preprocessing(name, path))
    found = model(pixels(model.input.shape[1]), training=False)
    rows = found.values() if isinstance(found, dict) else [found]
    return [keras.ops.convert_to_numpy(row)[0] for row in rows]


@pytest.fixture
def write(tmp_path):
    """Writes a state dict; returns its path."""

    def write(tensors, name="weights"):
        save_file(tensors, tmp_path / f"{name}.safetensors")
        return tmp_path / f"{name}.safetensors"

    return write


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.full if n in HEAVY else ()) for n in RECORDED]
)
def test_computes_what_torch_computes(write, name):
    path = write(draw(ENTRIES[name]["tensors"]))
    for found, expected in zip(run(name, path), ENTRIES[name]["logits"], strict=True):
        assert difference(found, np.array(expected)) < TOLERANCE


@pytest.mark.full
@pytest.mark.parametrize("name", [*TORCHVISION, *TIMM])
def test_every_network_computes_what_torch_computes(write, name):
    pytest.importorskip("timm" if name in TIMM else "torchvision")
    model, tensors = network(name)
    path = write(tensors)
    for found, expected in zip(
        run(name, path), logits(name, model, 299 if "inception" in name else 224), strict=True
    ):
        assert difference(found, expected) < TOLERANCE

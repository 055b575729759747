"""Networks and runs as state dicts: what is written is what was read, and torch loads it."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

import kerascnn as package
import kerascnn.config as configs
from kerascnn import UserError
from kerascnn.files import write_json
from kerascnn.models import Preprocessing, normalized
from kerascnn.training import open_run

sys.path.append(str(Path(__file__).parents[1] / "models"))
from drawn_weights import draw, pixels
from torch_networks import CLASSES, RECORD

ENTRIES = json.loads(RECORD.read_text())
LIGHT = [  # of each kind the lightest; those with a naming of timm's beside torchvision's
    "squeezenet1_1",
    "googlenet_bn_aux",
    "resnet18",
    "resnet14t timm",
    "resnet50_v2_torch timm",
    "densenet121",
    "mobilenet_v1_torch timm",
    "mobilenet_v2_torch",
    "shufflenet_v2_x0_5_torch",
    "xception_torch timm",
]


@pytest.mark.parametrize("name", LIGHT)
def test_what_is_written_is_what_was_read_to_the_last_tensor(name, tmp_path):
    drawn = draw(ENTRIES[name]["tensors"])
    save_file(drawn, tmp_path / "read.safetensors")
    model = package.build(
        name.split()[0], num_classes=CLASSES, weights=tmp_path / "read.safetensors"
    )
    package.save_state_dict(model, tmp_path / "written.safetensors")
    written = load_file(tmp_path / "written.safetensors")
    assert written.keys() == drawn.keys()
    for tensor, values in drawn.items():
        assert written[tensor].shape == values.shape
        if not tensor.endswith("num_batches_tracked"):
            np.testing.assert_array_equal(written[tensor], values)


def test_dense_layers_over_a_map_are_written_channel_by_channel(tmp_path):
    model = package.build("alexnet_one_tower", input_shape=(63, 95, 3), num_classes=3)
    package.save_state_dict(model, tmp_path / "w.safetensors")
    again = package.build(
        "alexnet_one_tower",
        input_shape=(63, 95, 3),
        num_classes=3,
        weights=tmp_path / "w.safetensors",
    )
    for a, b in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.fixture
def run(tmp_path):
    """A run folder of an untrained network, as `train` leaves it."""
    config = configs.parse(
        configs.Config,
        {
            "model": {"name": "shufflenet_v2_x0_5_torch"},
            "data": {"name": "folder", "path": "photos", "normalize": {"mean": 100, "std": 50}},
            "optimizer": {"schedule": {"peak": 0.1}},
            "training": {"epochs": 1},
        },
        "config",
    )
    network = package.build("shufflenet_v2_x0_5_torch", input_shape=(64, 64, 3), num_classes=2)
    configs.save(config, tmp_path / "config.yaml")
    facts = {"labels": ["cat", "dog"], "input_shape": [64, 64, 3], "resize": "stretch"}
    write_json(tmp_path / "run.json", facts)
    normalized(network, config.data.normalize).save(tmp_path / "model.keras")
    return tmp_path


def test_the_verb_writes_a_run_which_build_reads_again(run, kerascnn):
    code, out, err = kerascnn("weights", run, "--out", run / "w.safetensors")
    assert code == 0 and "w.safetensors" in out, err
    network = package.build(
        "shufflenet_v2_x0_5_torch",
        input_shape=(64, 64, 3),
        num_classes=2,
        weights=run / "w.safetensors",
    )
    model = normalized(network, Preprocessing(100.0, 50.0))
    np.testing.assert_array_equal(model(pixels(64)), open_run(run).model()(pixels(64)))
    with safe_open(run / "w.safetensors", framework="np") as opened:
        told = opened.metadata()
    assert told["mean"] == "100.0" and told["std"] == "50.0" and told["labels"] == "cat\ndog"


def test_torchvision_loads_it_and_computes_the_same(run):
    """Strictly: no tensor is missing, none is left over."""
    torch = pytest.importorskip("torch")
    torchvision = pytest.importorskip("torchvision")
    from safetensors.torch import load_file as load

    package.save_state_dict(run, run / "w.safetensors")
    theirs = torchvision.models.shufflenet_v2_x0_5(num_classes=2).eval()
    theirs.load_state_dict(load(run / "w.safetensors"))
    image = (pixels(64) - 100) / 50
    with torch.no_grad():
        expected = theirs(torch.from_numpy(image.transpose(0, 3, 1, 2).copy())).numpy()
    found = np.asarray(open_run(run).model()(pixels(64)))
    assert np.abs(found - expected).max() < 1e-5 * np.abs(expected).max() + 1e-6


def test_what_torch_has_not_is_refused_and_nothing_written(tmp_path):
    model = package.build("resnet8")
    with pytest.raises(UserError, match=r"resnet8: torchvision and timm have no network that comp"):
        package.save_state_dict(model, tmp_path / "w.safetensors")
    with pytest.raises(UserError, match=r"path: expected FILE.safetensors, got 'w.pth'"):
        package.save_state_dict(model, tmp_path / "w.pth")
    assert not list(tmp_path.iterdir())

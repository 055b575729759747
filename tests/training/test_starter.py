"""`kerascnn new`: a config that `kerascnn train` takes as it is."""

import shlex

import numpy as np
import pytest
import tensorflow as tf

import kerascnn.config as configs


def folder_of(path, size, count=12, names=("cats & dogs: all", "#birds")):
    """A folder of two classes that a network can tell apart."""
    rng = np.random.default_rng(0)
    for number, name in enumerate(names):
        (path / name).mkdir(parents=True)
        for i in range(count):
            image = rng.integers(100 * number, 100 * number + 100, (*size, 3), np.uint8)
            (path / name / f"{i}.png").write_bytes(tf.io.encode_png(image).numpy())
    return path


def test_its_config_trains_as_it_is_and_the_next_command_is_told(kerascnn, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = folder_of(tmp_path / "my: photos #1 \U0001f426", (40, 30))
    code, out, err = kerascnn("new", "--data", folder)
    assert code == 0, err
    assert "24 images of 2 classes: #birds 12, cats & dogs: all 12; mostly 30 x 40 pixels" in out
    command = shlex.split(out.splitlines()[-1].partition("kerascnn ")[2])
    assert command == ["train", "config.yaml", "--out", "runs/my: photos #1 \U0001f426"]
    code, out, err = kerascnn(*command, "training.epochs=3")
    assert code == 0, out + err
    assert kerascnn("evaluate", command[-1])[0] == 0


@pytest.mark.parametrize(
    ("size", "side", "network"),
    [((28, 28), 32, "resnet8"), ((60, 90), 64, "resnet8"), ((300, 400), 128, "mobilenet_v1_025")],
)
def test_the_network_fits_the_images(kerascnn, tmp_path, size, side, network):
    folder, out = folder_of(tmp_path / "photos", size, 4), tmp_path / "mine.yaml"
    assert kerascnn("new", "--data", folder, "--out", out)[0] == 0
    config = configs.load(out)
    assert config.data.size == (side, side)
    assert config.model.name == network


def test_nothing_is_replaced_and_a_folder_that_cannot_be_trained_is_told(kerascnn, tmp_path):
    out = tmp_path / "mine.yaml"
    few = folder_of(tmp_path / "few", (8, 8), 2)
    code, _, err = kerascnn("new", "--data", few, "--out", out)
    assert (code, len(err.splitlines()), out.exists()) == (2, 1, False)
    assert "expected at least 3" in err
    out.write_text("mine")
    code, _, err = kerascnn("new", "--data", folder_of(tmp_path / "p", (8, 8)), "--out", out)
    assert (code, out.read_text()) == (2, "mine")
    assert "is there already" in err

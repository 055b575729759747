"""ResNet and plain networks for CIFAR-10, arXiv:1512.03385, section 4.2."""

import pytest
from keras import layers

from kerascnn.analysis import count


def kinds(model, kind):
    return [layer for layer in model.layers if isinstance(layer, kind)]


@pytest.mark.parametrize("name", ["resnet20", "resnet56", "resnet110", "plain20", "plain56"])
def test_depth_is_6n_plus_2(build, name):
    model = build(name)
    depth = int(name.removeprefix("resnet").removeprefix("plain"))
    assert len(kinds(model, (layers.Conv2D, layers.Dense))) == depth


def test_shortcuts_have_no_weights(build):
    model = build("resnet20")
    shortcuts = [layer for layer in model.layers if "_proj_" in layer.name]
    assert [x.name for x in shortcuts if x.name.startswith("stage2")] == [
        "stage2_block1_proj_pool",
        "stage2_block1_proj_pad",
    ]
    assert all(layer.count_params() == 0 for layer in shortcuts)


@pytest.mark.parametrize("depth", [20, 56])
def test_plain_is_the_same_without_additions(build, depth):
    plain, residual = build(f"plain{depth}"), build(f"resnet{depth}")
    assert [w.shape for w in plain.weights] == [w.shape for w in residual.weights]
    assert count(plain).macs == count(residual).macs
    assert len(kinds(residual, layers.Add)) == (depth - 2) / 2
    assert not kinds(plain, layers.Add)


def test_three_stages_of_16_32_and_64_channels(build):
    model = build("resnet20")
    ends = [model.get_layer(f"stage{stage}_block3_out").output.shape[1:] for stage in (1, 2, 3)]
    assert ends == [(32, 32, 16), (16, 16, 32), (8, 8, 64)]

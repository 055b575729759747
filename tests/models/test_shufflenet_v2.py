"""ShuffleNet V2, arXiv:1807.11164."""

import pytest


@pytest.mark.parametrize("name", ["shufflenet_v2_x1_0", "shufflenet_v2_x1_0_torch"])
def test_stages_have_the_shapes_of_table_5(build, name):
    model = build(name)
    ends = [
        "stem_conv",
        "stem_pool",
        "stage1_block4_shuffle",
        "stage2_block8_shuffle",
        "stage3_block4_shuffle",
        "head_relu",
    ]
    assert [model.get_layer(end).output.shape[1:] for end in ends] == [
        (112, 112, 24),
        (56, 56, 24),
        (28, 28, 116),
        (14, 14, 232),
        (7, 7, 464),
        (7, 7, 1024),
    ]


def test_half_of_the_channels_pass_by_and_all_are_shuffled(build):
    model = build("shufflenet_v2_x1_0")
    split = model.get_layer("stage2_block2_split")
    passed, computed = model.get_layer("stage2_block2_concat").input
    assert passed is split.output[0]
    assert computed is model.get_layer("stage2_block2_3_relu").output
    assert passed.shape == computed.shape
    shuffle = model.get_layer("stage2_block2_shuffle")
    assert shuffle.input is model.get_layer("stage2_block2_concat").output
    assert model.get_layer("stage2_block3_split").input is shuffle.output


@pytest.mark.parametrize(
    ("name", "parts"),
    [("shufflenet_v2_x1_0", (24, 92)), ("shufflenet_v2_x1_0_torch", (58, 58))],
)
def test_a_strided_unit_has_two_branches(build, name, parts):
    branches = build(name).get_layer("stage1_block1_concat").input
    assert tuple(x.shape[-1] for x in branches) == parts


def test_relu_follows_only_the_1x1(build):
    names = [layer.name for layer in build("shufflenet_v2_x1_0").layers]
    units = [name for name in names if name.startswith("stage") and name.endswith("_relu")]
    assert {name.split("_", 2)[2] for name in units} == {"1_relu", "3_relu", "proj_2_relu"}


@pytest.mark.parametrize(
    ("name", "bias"), [("shufflenet_v2_x1_0", False), ("shufflenet_v2_x1_0_torch", True)]
)
def test_only_torchvision_gives_the_classifier_a_bias(build, name, bias):
    assert build(name).get_layer("head_logits").use_bias is bias

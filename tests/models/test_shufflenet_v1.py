"""ShuffleNet, arXiv:1707.01083."""

import pytest
from keras import layers

from kerascnn.layers import ChannelShuffle


@pytest.mark.parametrize(
    ("name", "channels"),
    [("shufflenet_v1_g3_x1_0", (240, 480, 960)), ("shufflenet_v1_g8_x1_0", (384, 768, 1536))],
)
def test_stages_have_the_shapes_of_table_1(build, name, channels):
    model = build(name)
    assert model.get_layer("stem_pool").output.shape[1:] == (56, 56, 24)
    for stage, (units, size, width) in enumerate(
        zip((4, 8, 4), (28, 14, 7), channels, strict=True), 1
    ):
        end = model.get_layer(f"stage{stage}_block{units}_out")
        assert end.output.shape[1:] == (size, size, width)


def test_every_1x1_is_grouped_but_the_first(build):
    model = build("shufflenet_v1_g3_x1_0")
    ungrouped = [
        x.name
        for x in model.layers
        if isinstance(x, layers.Conv2D) and x.kernel_size == (1, 1) and x.groups == 1
    ]
    assert ungrouped == ["stage1_block1_1_conv"]


def test_the_shuffle_comes_after_the_first_1x1_and_nowhere_else(build):
    model = build("shufflenet_v1_g3_x1_0")
    shuffles = [x for x in model.layers if isinstance(x, ChannelShuffle)]
    assert len(shuffles) == 16
    for shuffle in shuffles:
        unit = shuffle.name.removesuffix("_shuffle")
        assert shuffle.groups == 3
        assert shuffle.input is model.get_layer(f"{unit}_1_relu").output


def test_no_relu_after_the_depthwise_convolution(build):
    names = [layer.name for layer in build("shufflenet_v1_g3_x1_0").layers]
    assert "stage1_block2_2_bn" in names
    assert not [name for name in names if name.endswith("_2_relu")]


def test_a_strided_unit_appends_to_the_average_of_its_input(build):
    model = build("shufflenet_v1_g3_x1_0")
    average, new = model.get_layer("stage2_block1_concat").input
    assert average is model.get_layer("stage2_block1_proj_pool").output
    assert (average.shape[-1], new.shape[-1]) == (240, 480 - 240)


def test_bottlenecks_have_a_quarter_of_the_channels(build):
    model = build("shufflenet_v1_g8_x1_0")
    assert model.get_layer("stage3_block2_1_conv").filters == 1536 / 4

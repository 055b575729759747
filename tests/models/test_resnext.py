"""ResNeXt, arXiv:1611.05431."""

import pytest
from keras import layers


@pytest.mark.parametrize(
    ("name", "cardinality", "width", "stages"),
    [("resnext50_32x4d", 32, 4, 4), ("resnext101_64x4d", 64, 4, 4), ("resnext29_8x64d", 8, 64, 3)],
)
def test_the_name_gives_paths_and_channels_and_the_channels_double(
    build, name, cardinality, width, stages
):
    model = build(name)
    for stage in range(1, stages + 1):
        path = model.get_layer(f"stage{stage}_block1_2_conv")
        assert path.groups == cardinality
        assert path.kernel.shape[2] == width * 2 ** (stage - 1)
        assert path.filters == cardinality * width * 2 ** (stage - 1)


def test_only_the_3x3_is_grouped_and_it_strides(build):
    model = build("resnext50_32x4d")
    grouped = [x for x in model.layers if isinstance(x, layers.Conv2D) and x.groups > 1]
    assert {x.kernel_size for x in grouped} == {(3, 3)}
    assert model.get_layer("stage2_block1_2_conv").strides == (2, 2)


def test_stages_end_as_wide_as_those_of_resnet_50(build):
    ours, resnet = build("resnext50_32x4d"), build("resnet50")
    for name in (
        "stage1_block3_out",
        "stage2_block4_out",
        "stage3_block6_out",
        "stage4_block3_out",
    ):
        assert ours.get_layer(name).output.shape == resnet.get_layer(name).output.shape


def test_29_layers_in_three_stages_of_256_512_and_1024_channels(build):
    model = build("resnext29_8x64d")
    kinds = (layers.Conv2D, layers.Dense)
    path = [x for x in model.layers if isinstance(x, kinds) and "_proj" not in x.name]
    ends = [model.get_layer(f"stage{stage}_block3_out").output.shape[1:] for stage in (1, 2, 3)]
    assert len(path) == 29
    assert ends == [(32, 32, 256), (16, 16, 512), (8, 8, 1024)]

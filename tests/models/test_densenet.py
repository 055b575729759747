"""DenseNet, arXiv:1608.06993."""

import pytest
from keras import layers

from kerascnn import UserError


@pytest.mark.parametrize(
    ("name", "depth"),
    [
        ("densenet121", 121),
        ("densenet169", 169),
        ("densenet201", 201),
        ("densenet_bc100_12", 100),
        ("densenet40_12", 40),
        ("densenet_bc190_40", 190),
    ],
)
def test_the_name_counts_the_layers_with_weights(build, name, depth):
    kinds = (layers.Conv2D, layers.Dense)
    assert len([x for x in build(name).layers if isinstance(x, kinds)]) == depth


def test_stages_have_the_shapes_of_table_1(build):
    model = build("densenet121")
    ends = [
        "stem_pool",
        "stage1_block6_concat",
        "stage2_transition_pool",
        "stage2_block12_concat",
        "stage3_transition_pool",
        "stage3_block24_concat",
        "stage4_transition_pool",
        "stage4_block16_concat",
    ]
    assert [model.get_layer(name).output.shape[1:] for name in ends] == [
        (56, 56, 64),
        (56, 56, 256),
        (28, 28, 128),
        (28, 28, 512),
        (14, 14, 256),
        (14, 14, 1024),
        (7, 7, 512),
        (7, 7, 1024),
    ]


def test_a_layer_adds_growth_channels_to_all_that_came_before(build):
    model = build("densenet_bc100_12")
    before, new = model.get_layer("stage1_block2_concat").input
    assert before is model.get_layer("stage1_block1_concat").output
    assert new.shape[-1] == 12
    assert model.get_layer("stage1_block2_1_conv").filters == 4 * 12


def test_bottlenecks_and_compression_come_with_bc(build):
    plain, bc = build("densenet40_12"), build("densenet_bc100_12")
    assert "stage1_block1_1_conv" not in [x.name for x in plain.layers]
    for model, compression in ((plain, 1.0), (bc, 0.5)):
        channels = model.get_layer("stage2_transition_bn").input.shape[-1]
        assert model.get_layer("stage2_transition_conv").filters == int(compression * channels)
    assert plain.get_layer("stem_conv").filters == 16
    assert bc.get_layer("stem_conv").filters == 2 * 12


def test_normalization_and_relu_come_before_each_convolution(build):
    model = build("densenet121")
    for name in ("stage1_block1_1", "stage1_block1_2", "stage2_transition"):
        relu = model.get_layer(f"{name}_relu")
        assert relu.input is model.get_layer(f"{name}_bn").output
        assert model.get_layer(f"{name}_conv").input is relu.output
    assert model.get_layer("head_pool").input is model.get_layer("head_relu").output


def test_arguments_take_the_place_of_the_row(build):
    model = build("densenet_bc100_12", depth=4)
    assert len([x for x in model.layers if isinstance(x, layers.Conv2D)]) == 3 * 2 * 4 + 3
    with pytest.raises(
        UserError, match="unknown argument of densenet_bc100_12 'dept'; did you mea"
    ):
        build("densenet_bc100_12", dept=4)

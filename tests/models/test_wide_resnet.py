"""Wide ResNet, arXiv:1605.07146."""

import pytest
from keras import layers


@pytest.mark.parametrize("name", ["wide_resnet16_8", "wide_resnet28_10", "wide_resnet40_4"])
def test_depth_is_6n_plus_4_with_the_shortcuts(build, name):
    convolutions = [x for x in build(name).layers if isinstance(x, layers.Conv2D)]
    depth = int(name.removeprefix("wide_resnet").split("_")[0])
    shortcuts = [x.name for x in convolutions if "_proj" in x.name]
    assert len(convolutions) == depth
    assert shortcuts == [f"stage{stage}_block1_proj_conv" for stage in (1, 2, 3)]


def test_28_10_is_ten_times_as_wide(build):
    model = build("wide_resnet28_10")
    ends = [model.get_layer(f"stage{stage}_block4_add").output.shape[1:] for stage in (1, 2, 3)]
    assert ends == [(32, 32, 160), (16, 16, 320), (8, 8, 640)]


def test_dropout_stands_between_the_two_convolutions(build):
    model = build("wide_resnet28_10_dropout")
    dropout = model.get_layer("stage1_block1_2_dropout")
    second = model.get_layer("stage1_block1_2_conv")
    assert dropout.rate == 0.3
    assert dropout.input is model.get_layer("stage1_block1_2_relu").output
    assert second.input is dropout.output
    assert len([x for x in model.layers if isinstance(x, layers.Dropout)]) == 12


def test_50_2_doubles_only_what_is_inside_a_bottleneck(build):
    wide, thin = build("wide_resnet50_2"), build("resnet50")
    for model_layer in thin.layers:
        if isinstance(model_layer, layers.Conv2D):
            inside = model_layer.name.endswith(("_1_conv", "_2_conv"))
            filters = wide.get_layer(model_layer.name).filters
            assert filters == model_layer.filters * (2 if inside else 1), model_layer.name

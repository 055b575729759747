"""ResNet, arXiv:1512.03385."""

import pytest
from keras import layers


def shape(model, name):
    return model.get_layer(name).output.shape[1:]


def convolutions(model):
    return [layer for layer in model.layers if isinstance(layer, layers.Conv2D)]


@pytest.mark.parametrize("depth", [18, 34, 50, 101, 152])
def test_the_name_counts_the_layers_with_weights(build, depth):
    model = build(f"resnet{depth}")
    dense = [layer for layer in model.layers if isinstance(layer, layers.Dense)]
    on_the_path = [layer for layer in convolutions(model) if "_proj" not in layer.name]
    assert len(on_the_path) + len(dense) == depth


@pytest.mark.parametrize(("name", "expansion"), [("resnet34", 1), ("resnet50", 4)])
def test_stages_have_the_shapes_of_table_1(build, name, expansion):
    model = build(name)
    assert shape(model, "stem_conv") == (112, 112, 64)
    assert shape(model, "stem_pool") == (56, 56, 64)
    for stage, (blocks, size) in enumerate(zip((3, 4, 6, 3), (56, 28, 14, 7), strict=True), 1):
        channels = 32 * 2**stage * expansion
        assert shape(model, f"stage{stage}_block{blocks}_out") == (size, size, channels)
        assert f"stage{stage}_block{blocks + 1}_out" not in [x.name for x in model.layers]


def test_stride_sits_on_the_3x3(build):
    model = build("resnet50")
    assert model.get_layer("stage2_block1_1_conv").strides == (1, 1)
    assert model.get_layer("stage2_block1_2_conv").strides == (2, 2)


@pytest.mark.parametrize("name", ["resnet50_v1", "resnet50_v1_keras"])
def test_the_original_strides_on_the_first_1x1(build, name):
    model = build(name)
    assert model.get_layer("stage2_block1_1_conv").strides == (2, 2)
    assert model.get_layer("stage2_block1_2_conv").strides == (1, 1)


@pytest.mark.parametrize(("name", "stages"), [("resnet18", "234"), ("resnet50", "1234")])
def test_only_a_change_of_shape_is_projected(build, name, stages):
    model = build(name)
    projections = [x.name for x in convolutions(model) if x.name.endswith("_proj_conv")]
    assert projections == [f"stage{stage}_block1_proj_conv" for stage in stages]
    assert all(model.get_layer(n.replace("_conv", "_bn")) for n in projections)


def test_biases_are_where_each_release_has_them(build):
    def biased(name):
        return [x.name for x in convolutions(build(name)) if x.use_bias]

    assert biased("resnet50") == biased("resnet101_v1") == []
    assert biased("resnet50_v1") == ["stem_conv"]
    assert len(biased("resnet50_v1_keras")) == 53


def test_the_authors_pool_rounds_up_and_pads_nothing(build):
    names = [layer.name for layer in build("resnet50_v1").layers]
    assert "stem_pool_pad" not in names
    assert shape(build("resnet50_v1"), "stem_pool") == (56, 56, 64)

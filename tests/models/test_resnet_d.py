"""ResNet-D, arXiv:1812.01187."""

from keras import layers


def test_the_stem_is_three_3x3_of_which_the_first_strides(build):
    for name, filters in (("resnet50d", [32, 32, 64]), ("resnet14t", [24, 32, 64])):
        stem = [build(name).get_layer(f"stem_{k}_conv") for k in (1, 2, 3)]
        assert [x.filters for x in stem] == filters
        assert [(x.kernel_size, x.strides) for x in stem] == [
            ((3, 3), (2, 2)),
            ((3, 3), (1, 1)),
            ((3, 3), (1, 1)),
        ]


def test_a_shortcut_averages_where_it_strides_and_no_1x1_strides(build):
    model = build("resnet50d")
    pools = [x.name for x in model.layers if isinstance(x, layers.AveragePooling2D)]
    assert pools == [f"stage{k}_block1_proj_pool" for k in (2, 3, 4)]
    assert model.get_layer("stage1_block1_proj_conv").strides == (1, 1)
    for layer in model.layers:
        if isinstance(layer, layers.Conv2D) and layer.kernel_size == (1, 1):
            assert layer.strides == (1, 1), layer.name

"""Xception, arXiv:1610.02357."""

from keras import layers


def test_36_convolutions_separable_ones_counted_once(build):
    model = build("xception")
    depthwise = [x for x in model.layers if isinstance(x, layers.DepthwiseConv2D)]
    stem = [x for x in model.layers if x.name in ("stem_1_conv", "stem_2_conv")]
    assert (len(depthwise), len(stem)) == (34, 2)


def test_shapes_of_figure_5(build):
    model = build("xception")
    ends = [
        "stem_1_conv",
        "stem_2_conv",
        "stage1_block1_add",
        "stage2_block1_add",
        "stage3_block1_add",
        "stage3_block9_add",
        "stage4_block1_add",
        "stage4_block2_2_relu",
    ]
    assert [model.get_layer(name).output.shape[1:] for name in ends] == [
        (149, 149, 32),
        (147, 147, 64),
        (74, 74, 128),
        (37, 37, 256),
        (19, 19, 728),
        (19, 19, 728),
        (10, 10, 1024),
        (10, 10, 2048),
    ]


def test_nothing_stands_between_depthwise_and_pointwise(build):
    model = build("xception")
    for layer in model.layers:
        if isinstance(layer, layers.DepthwiseConv2D):
            pointwise = model.get_layer(layer.name.replace("_depthwise", ""))
            assert pointwise.input is layer.output
            assert not layer.use_bias


def test_relu_comes_first_but_in_the_first_block_and_last_in_the_last(build):
    model = build("xception")
    names = [layer.name for layer in model.layers]
    assert "stage1_block1_1_relu" not in names
    relu = model.get_layer("stage2_block1_1_relu")
    assert relu.input is model.get_layer("stage1_block1_add").output
    assert (
        model.get_layer("stage4_block2_1_relu").input
        is model.get_layer("stage4_block2_1_bn").output
    )


def test_all_but_the_first_and_the_last_of_14_modules_have_a_shortcut(build):
    model = build("xception")
    assert len([x for x in model.layers if isinstance(x, layers.Add)]) == 12

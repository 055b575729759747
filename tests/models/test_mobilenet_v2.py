"""MobileNetV2, arXiv:1801.04381."""

import pytest
from keras import layers

from kerascnn.models import models


def names(model):
    return [layer.name for layer in model.layers]


def test_stages_have_the_shapes_of_table_2(build):
    model = build("mobilenet_v2")
    blocks = (1, 2, 3, 4, 3, 3, 1)
    ends = [
        model.get_layer(f"stage{s}_block{b}_3_bn").output.shape for s, b in enumerate(blocks, 1)
    ]
    assert [end[1:] for end in ends] == [
        (112, 112, 16),
        (56, 56, 24),
        (28, 28, 32),
        (14, 14, 64),
        (14, 14, 96),
        (7, 7, 160),
        (7, 7, 320),
    ]
    assert model.get_layer("head_relu6").output.shape[1:] == (7, 7, 1280)


def test_bottlenecks_are_linear(build):
    found = names(build("mobilenet_v2"))
    assert "stage3_block1_2_relu6" in found
    assert not [name for name in found if name.endswith(("_3_relu6", "_out"))]


def test_a_shortcut_only_where_the_shape_stays(build):
    model = build("mobilenet_v2")
    repeated = [
        f"stage{s}_block{i}"
        for s, n in enumerate((1, 2, 3, 4, 3, 3, 1), 1)
        for i in range(2, n + 1)
    ]
    assert [n.removesuffix("_add") for n in names(model) if n.endswith("_add")] == repeated


def test_the_first_bottleneck_has_nothing_to_expand(build):
    model = build("mobilenet_v2")
    assert "stage1_block1_1_conv" not in names(model)
    assert model.get_layer("stage2_block1_1_conv").filters == 6 * 16


@pytest.mark.parametrize(("name", "last"), [("mobilenet_v2_035", 1280), ("mobilenet_v2_140", 1792)])
def test_the_last_convolution_grows_and_never_shrinks(build, name, last):
    assert build(name).get_layer("head_conv").filters == last


@pytest.mark.parametrize("name", models("mobilenet_v2_*"))
def test_widths_are_multiples_of_8(build, name):
    filters = [x.filters for x in build(name).layers if isinstance(x, layers.Conv2D)]
    assert all(width % 8 == 0 for width in filters)


def test_torchvision_pads_on_every_side_and_keras_on_two(build):
    ours, torch = build("mobilenet_v2"), build("mobilenet_v2_torch")
    assert ours.get_layer("stem_conv").padding == "same"
    assert torch.get_layer("stem_pad").padding == ((1, 1), (1, 1))
    assert torch.get_layer("stem_conv").padding == "valid"
    assert (ours.get_layer("stem_bn").epsilon, torch.get_layer("stem_bn").epsilon) == (1e-3, 1e-5)

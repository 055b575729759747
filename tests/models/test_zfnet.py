"""ZFNet, arXiv:1311.2901."""

import pytest
from keras import layers
from oracle import entry

PAPERS_LAYERS = {
    "conv1": "stage1_conv",
    "pool1": "stage1_pool",
    "conv2": "stage2_conv",
    "pool2": "stage2_pool",
    "conv3": "stage3_1_conv",
    "conv4": "stage3_2_conv",
    "conv5": "stage3_3_conv",
    "pool5": "stage3_pool",
    "fc6": "head_1_dense",
    "fc7": "head_2_dense",
    "fc8": "head_logits",
}


@pytest.mark.parametrize(
    ("layer", "shape", "params"),
    [pytest.param(*found, id=found[0]) for found in entry("zfnet")["details"]["layers"]],
)
def test_layers_are_those_of_figure_3(build, layer, shape, params):
    found = build("zfnet").get_layer(PAPERS_LAYERS[layer])
    assert found.output.shape[1:] == tuple(shape)
    assert found.count_params() == params


def test_contrast_is_normalized_behind_the_first_two_poolings(build):
    model = build("zfnet")
    assert [x.name for x in model.layers if x.name.endswith("_lrn")] == ["stage1_lrn", "stage2_lrn"]
    assert model.get_layer("stage1_lrn").input is model.get_layer("stage1_pool").output


def test_alexnets_kernel_and_stride_shrink_and_its_towers_go(build):
    convolutions = [x for x in build("zfnet").layers if isinstance(x, layers.Conv2D)]
    assert (convolutions[0].kernel_size, convolutions[0].strides) == ((7, 7), (2, 2))
    assert all(x.groups == 1 for x in convolutions)


def test_the_wide_form_has_512_1024_and_512_maps(build):
    model = build("zfnet_wide")
    assert [model.get_layer(f"stage3_{k}_conv").filters for k in (1, 2, 3)] == [512, 1024, 512]

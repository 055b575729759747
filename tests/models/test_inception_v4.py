"""Inception-v4 and Inception-ResNet, arXiv:1602.07261."""

import pytest
from keras import layers

ENDS = {
    "inception_v4": {
        "stem_3_relu": (147, 147, 64),
        "stem_4_concat": (73, 73, 160),
        "stem_5_concat": (71, 71, 192),
        "stem_6_concat": (35, 35, 384),
        "stage1_block4_concat": (35, 35, 384),
        "stage2_block1_concat": (17, 17, 1024),
        "stage2_block8_concat": (17, 17, 1024),
        "stage3_block1_concat": (8, 8, 1536),
        "stage3_block4_concat": (8, 8, 1536),
    },
    "inception_resnet_v1": {
        "stem_6_relu": (35, 35, 256),
        "stage1_block5_out": (35, 35, 256),
        "stage2_block1_concat": (17, 17, 896),
        "stage2_block11_out": (17, 17, 896),
        "stage3_block1_concat": (8, 8, 1792),
        "stage3_block7_add": (8, 8, 1792),
    },
    "inception_resnet_v2": {
        "stem_5_pool": (35, 35, 192),
        "stage1_block1_concat": (35, 35, 320),
        "stage1_block11_out": (35, 35, 320),
        "stage2_block21_out": (17, 17, 1088),
        "stage3_block11_add": (8, 8, 2080),
        "head_relu": (8, 8, 1536),
    },
}
RESIDUAL = ["inception_resnet_v1", "inception_resnet_v2", "inception_resnet_v2_keras"]


@pytest.mark.parametrize("name", ENDS)
def test_stages_have_the_shapes_of_the_figures(build, name):
    model = build(name)
    for layer, shape in ENDS[name].items():
        assert model.get_layer(layer).output.shape[1:] == shape


@pytest.mark.parametrize("name", RESIDUAL)
def test_residuals_are_scaled_down_and_the_last_is_not(build, name):
    """Section 3.3: factors between 0.1 and 0.3 keep the training stable."""
    scales = [x for x in build(name).layers if isinstance(x, layers.Rescaling)]
    blocks = [x for x in build(name).layers if isinstance(x, layers.Add)]
    assert {x.scale for x in scales} == {0.17, 0.1, 0.2}
    assert len(scales) == len(blocks) - 1
    assert not any(x.name.startswith(blocks[-1].name.removesuffix("add")) for x in scales)


@pytest.mark.parametrize("name", RESIDUAL)
def test_the_1x1_that_widens_has_a_bias_and_neither_normalization_nor_relu(build, name):
    model = build(name)
    for layer in model.layers:
        if layer.name.endswith("_up_conv"):
            assert layer.use_bias and layer.kernel_size == (1, 1)
            block = layer.name.removesuffix("up_conv")
            assert layer.output.shape == model.get_layer(f"{block}add").output.shape


def test_keras_applications_shifts_only_and_has_no_dropout(build):
    for name, scale in (("inception_resnet_v2", True), ("inception_resnet_v2_keras", False)):
        found = build(name).layers
        assert {x.scale for x in found if isinstance(x, layers.BatchNormalization)} == {scale}
        assert any(isinstance(x, layers.Dropout) for x in found) is scale


def test_7x7_is_factorized_once_and_twice(build):
    model = build("inception_v4")
    once, twice = (
        [model.get_layer(f"stage2_block2_{branch}_{k}_conv").kernel_size for k in range(1, n)]
        for branch, n in (("7x7", 4), ("double7x7", 6))
    )
    assert once == [(1, 1), (1, 7), (7, 1)]
    assert twice == [(1, 1), (7, 1), (1, 7), (7, 1), (1, 7)]

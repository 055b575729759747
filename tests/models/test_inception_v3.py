"""Inception-v3, arXiv:1512.00567."""

import pytest
from keras import layers

from kerascnn import UserError
from kerascnn.models import build as build_with_weights

NAMES = ["inception_v3", "inception_v3_keras"]


@pytest.mark.parametrize("name", NAMES)
def test_stages_have_the_shapes_of_table_1(build, name):
    model = build(name)
    ends = [
        "stem_1_relu",
        "stem_2_relu",
        "stem_3_relu",
        "stem_3_pool",
        "stem_5_pool",
        "stage1_block3_concat",
        "stage2_block5_concat",
        "stage3_block3_concat",
    ]
    # The paper's table has 73x73x80, a stride and 35x35x288 at the end of the stem; every
    # implementation has a 1x1 to 80 channels, a 3x3 to 192 and a pooling instead.
    assert [model.get_layer(end).output.shape[1:] for end in ends] == [
        (149, 149, 32),
        (147, 147, 32),
        (147, 147, 64),
        (73, 73, 64),
        (35, 35, 192),
        (35, 35, 288),
        (17, 17, 768),
        (8, 8, 2048),
    ]


def test_7x7_is_factorized_into_rows_and_columns(build):
    model = build("inception_v3")
    for block, width in zip((2, 3, 4, 5), (128, 160, 160, 192), strict=True):
        chain = [model.get_layer(f"stage2_block{block}_double7x7_{k}_conv") for k in range(1, 6)]
        assert [x.kernel_size for x in chain] == [(1, 1), (7, 1), (1, 7), (7, 1), (1, 7)]
        assert [x.filters for x in chain] == [width] * 4 + [192]


def test_the_last_modules_put_1x3_and_3x1_side_by_side(build):
    model = build("inception_v3")
    for branch, source in (("3x3", "3x3_1"), ("double3x3", "double3x3_2")):
        for kernel in ("1x3", "3x1"):
            conv = model.get_layer(f"stage3_block3_{branch}_{kernel}_conv")
            assert conv.input is model.get_layer(f"stage3_block3_{source}_relu").output
    assert len(model.get_layer("stage3_block3_concat").input) == 6


def test_grids_shrink_without_padding_in_parallel_branches(build):
    model = build("inception_v3")
    for block in ("stage2_block1", "stage3_block1"):
        strided = [
            x
            for x in model.layers
            if x.name.startswith(block) and getattr(x, "strides", (1, 1)) == (2, 2)
        ]
        assert len(strided) == 3
        assert all(x.padding == "valid" for x in strided)


def test_the_auxiliary_head_hangs_on_the_last_17x17_grid(build):
    model = build("inception_v3_aux")
    pool = model.get_layer("head_aux_pool")
    assert pool.input is model.get_layer("stage2_block5_concat").output
    assert pool.output.shape[1:] == (5, 5, 768)
    assert model.get_layer("head_aux_2_conv").output.shape[1:] == (1, 1, 768)
    assert set(model.output) == {"head_logits", "head_aux_logits"}


def test_the_auxiliary_head_needs_the_papers_size():
    with pytest.raises(UserError, match="inception_v3_aux: expected images of at least 299x299"):
        build_with_weights("inception_v3_aux", input_shape=(224, 224, 3))


def test_keras_applications_shifts_only_and_torchvision_scales_too(build):
    for name, scale in zip(NAMES, (True, False), strict=True):
        normalizations = [x for x in build(name).layers if isinstance(x, layers.BatchNormalization)]
        assert len(normalizations) == 94
        assert all(x.scale is scale and x.epsilon == 1e-3 for x in normalizations)


def test_torchvision_averages_over_the_zeros_around_and_keras_inside(build):
    assert build("inception_v3").get_layer("stage1_block1_pool").padding == "valid"
    assert build("inception_v3_keras").get_layer("stage1_block1_pool").padding == "same"

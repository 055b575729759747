"""BN-Inception, arXiv:1502.03167."""

import numpy as np
import pytest
from keras import layers

from kerascnn.models import build as build_with_weights

MODULES = {  # Figure 5 -> here
    "3a": "stage1_block1",
    "3b": "stage1_block2",
    "3c": "stage2_block1",
    "4a": "stage2_block2",
    "4b": "stage2_block3",
    "4c": "stage2_block4",
    "4d": "stage2_block5",
    "4e": "stage3_block1",
    "5a": "stage3_block2",
    "5b": "stage3_block3",
}


def test_modules_have_the_shapes_of_figure_5(build):
    model = build("bn_inception")
    found = {m: model.get_layer(f"{b}_concat").output.shape[1:] for m, b in MODULES.items()}
    assert found == {
        "3a": (28, 28, 256),
        "3b": (28, 28, 320),
        "3c": (14, 14, 576),
        "4a": (14, 14, 576),
        "4b": (14, 14, 576),
        "4c": (14, 14, 608),
        "4d": (14, 14, 608),
        "4e": (7, 7, 1056),
        "5a": (7, 7, 1024),
        "5b": (7, 7, 1024),
    }


def test_no_kernel_of_a_module_is_larger_than_3x3(build):
    convolutions = [x for x in build("bn_inception").layers if isinstance(x, layers.Conv2D)]
    assert {x.kernel_size for x in convolutions if x.name != "stem_1_conv"} == {(1, 1), (3, 3)}


def test_3c_and_4e_stride_and_pass_their_input_by(build):
    model = build("bn_inception")
    names = [x.name for x in model.layers]
    for module, block in MODULES.items():
        strides = module in ("3c", "4e")
        assert (f"{block}_1x1_conv" not in names) == strides
        assert (f"{block}_pool_proj_conv" not in names) == strides
        assert model.get_layer(f"{block}_3x3_conv").strides == ((2, 2) if strides else (1, 1))
    passed = model.get_layer("stage2_block1_concat").input[-1]
    assert passed is model.get_layer("stage2_block1_pool").output


def test_pooling_averages_but_in_the_striding_and_the_last_module(build):
    model = build("bn_inception")
    maximum = [
        m
        for m, b in MODULES.items()
        if isinstance(model.get_layer(f"{b}_pool"), layers.MaxPooling2D)
    ]
    assert maximum == ["3c", "4e", "5b"]


@pytest.mark.parametrize(
    ("name", "bias"), [("bn_inception", True), ("bn_inception_separable", False)]
)
def test_only_the_public_caffe_weights_have_biases_before_normalization(build, name, bias):
    units = [x for x in build(name).layers if isinstance(x, layers.Conv2D)]
    assert all(x.use_bias is bias for x in units)


def test_the_separable_form_starts_with_8_channels_for_each_colour(build):
    model = build("bn_inception_separable")
    first = model.get_layer("stem_1_conv")
    assert first.depthwise_kernel.shape == (7, 7, 3, 8)
    assert model.get_layer("stage2_block4_concat").output.shape[-1] == 576


def test_average_pooling_counts_the_zeros_around():
    model = build_with_weights("bn_inception", input_shape=(32, 32, 3), num_classes=2)
    pad, pool = (model.get_layer(f"stage1_block1_pool{end}") for end in ("_pad", ""))
    assert np.asarray(pool(pad(np.ones((1, 4, 4, 1)))))[0, 0, 0, 0] == pytest.approx(4 / 9)

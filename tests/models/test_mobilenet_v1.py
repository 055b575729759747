"""MobileNet, arXiv:1704.04861."""

import pytest
from keras import layers

from kerascnn.analysis import count

KINDS = (layers.Conv2D, layers.DepthwiseConv2D, layers.Dense)


def test_28_layers_counting_depthwise_and_pointwise_apart(build):
    assert len([x for x in build("mobilenet_v1").layers if isinstance(x, KINDS)]) == 28


def test_stages_have_the_shapes_of_table_1(build):
    model = build("mobilenet_v1")
    ends = ["stage1_block1", "stage2_block2", "stage3_block2", "stage4_block6", "stage5_block2"]
    assert [model.get_layer(f"{name}_2_relu6").output.shape[1:] for name in ends] == [
        (112, 112, 64),
        (56, 56, 128),
        (28, 28, 256),
        (14, 14, 512),
        (7, 7, 1024),
    ]


def test_the_last_depthwise_convolution_does_not_stride(build):
    assert build("mobilenet_v1").get_layer("stage5_block2_1_conv").strides == (1, 1)


def test_alpha_scales_every_width(build):
    half, whole = build("mobilenet_v1_050"), build("mobilenet_v1")
    for layer in whole.layers:
        if isinstance(layer, layers.Conv2D):
            assert half.get_layer(layer.name).filters == layer.filters / 2


def test_nearly_all_work_is_in_the_1x1(build):
    # Table 2: 94.86 % of the multiplications and 74.59 % of the weights.
    counted = count(build("mobilenet_v1"))
    pointwise = [x for x in counted.layers if x.name.endswith("_2_conv")]
    assert sum(x.macs for x in pointwise) / counted.macs == pytest.approx(0.95, abs=0.005)
    assert sum(x.params for x in pointwise) / counted.params == pytest.approx(0.746, abs=0.005)


def test_resolution_changes_multiplications_and_not_parameters(build):
    small, large = (
        count(build("mobilenet_v1_100_128")),
        count(build("mobilenet_v1")),
    )
    assert small.params == large.params
    assert small.macs < large.macs / 3

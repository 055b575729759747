"""AnyNet, arXiv:2003.13678, in the size of CIFAR's images: its blocks, and what its rows cost."""

import re
from pathlib import Path

import numpy as np
import pytest
from keras import layers

import kerascnn
from kerascnn import UserError, export
from kerascnn.models import models
from kerascnn.models.graph import without_weights

RESNET8 = 12_500_000, 98_496  # multiply-accumulates and bytes of MLPerf Tiny's ResNet-8
ROWS = models("anynet_*")
SMALL = {"widths": (8, 16), "depths": (1, 1), "stem": 8}


def build(name, **arguments):
    with without_weights():
        return kerascnn.build(name, **arguments)


def test_the_stem_keeps_the_size_and_each_later_stage_halves_it():
    model = build("anynet_inverted")
    sides = [model.get_layer(f"stage{i}_block1_3_conv").output.shape[1:3] for i in (1, 2, 3)]
    assert model.get_layer("stem_conv").output.shape[1:3] == (32, 32)
    assert sides == [(32, 32), (16, 16), (8, 8)]
    assert build("anynet_x", stem_stride=2).get_layer("stem_conv").output.shape[1:3] == (16, 16)


def test_an_inverted_residual_ends_linear_and_is_added_where_the_shape_stays():
    names = [layer.name for layer in build("anynet_inverted").layers]
    assert "stage1_block1_3_relu" not in names
    assert "stage2_block1_add" not in names and "stage2_block2_add" in names


def test_an_x_block_has_groups_of_a_fixed_width():
    model = build("anynet_x")
    grouped = [x for x in model.layers if isinstance(x, layers.Conv2D) and x.groups > 1]
    assert {x.filters // x.groups for x in grouped} == {8}
    narrow = build("anynet_x", bottleneck=2, group=4, **SMALL)
    assert narrow.get_layer("stage2_block1_2_conv").filters == 8


@pytest.mark.parametrize("name", ["anynet_inverted_se", "anynet_y"])
def test_a_squeezed_block_weighs_its_channels_behind_the_3x3(name):
    names = [layer.name for layer in build(name).layers]
    for scale in (x for x in names if x.endswith("_scale")):
        block = scale.removesuffix("_scale")
        assert names.index(f"{block}_2_conv") < names.index(scale) < names.index(f"{block}_3_conv")


def test_a_last_convolution_stands_in_front_of_the_pooling():
    assert build("anynet_separable", last=96).get_layer("head_pool").output.shape == (None, 96)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"block": "invertd"}, "unknown block 'invertd'; did you mean 'inverted'?"),
        ({"group": 8}, "anynet_basic: basic blocks take no group"),
        ({"depths": (1, 2)}, "anynet_basic: expected a width and a depth for each stage"),
        ({"block": "x", "group": 7}, "groups of 7"),
    ],
)
def test_what_does_not_fit_is_said(arguments, said):
    with pytest.raises(UserError, match=re.escape(said)):
        build("anynet_basic", **arguments)


FILES = [(name, {}) for name in ROWS]
QUICK = [("anynet_inverted_se", {**SMALL, "kernel": 5}), ("anynet_y", SMALL)]  # every operation


@pytest.mark.parametrize(
    ("name", "arguments"), [*QUICK, *(pytest.param(*one, marks=pytest.mark.full) for one in FILES)]
)
def test_every_row_costs_no_more_than_resnet8_does(name, arguments, tmp_path):
    """The int8 files, written, run and compared: .tflite within both budgets, .onnx beside it."""
    model = kerascnn.normalized(kerascnn.build(name, **arguments), kerascnn.Preprocessing(128, 128))
    drawn = np.random.default_rng(0)
    for weight in model.weights:
        spread = drawn.normal(0, 0.1, weight.shape)
        weight.assign(np.abs(spread) + 0.5 if "variance" in weight.path else weight + spread)
    images = drawn.integers(0, 256, (32, 32, 32, 3)).astype("float32")
    twin = export.quantize(model, images)
    tflite, onnx = export.deliver(
        twin, [tmp_path / f"{name}.tflite", tmp_path / f"{name}.onnx"], evidence=images
    )
    assert tflite.passed and onnx.passed
    assert Path(tflite.path).stat().st_size <= RESNET8[1]
    assert kerascnn.models.variant(name).row.macs <= RESNET8[0]

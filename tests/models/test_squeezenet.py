"""SqueezeNet, arXiv:1602.07360."""

import pytest
from keras import layers
from oracle import CLAIMS

from kerascnn.analysis import count

FIRES = {  # the paper's modules 2 to 9, by the stages between its poolings
    "squeezenet1_0": (3, 4, 1),
    "squeezenet1_1": (2, 2, 4),
}


def blocks(name):
    return [f"stage{s}_block{i}" for s, n in enumerate(FIRES[name], 1) for i in range(1, n + 1)]


@pytest.mark.parametrize("name", FIRES)
def test_a_module_expands_its_squeeze_eightfold(build, name):
    model = build(name)
    assert len(blocks(name)) == 8
    for block in blocks(name):
        squeeze = model.get_layer(f"{block}_squeeze_conv")
        expand = [model.get_layer(f"{block}_{kernel}_conv") for kernel in ("1x1", "3x3")]
        assert squeeze.kernel_size == (1, 1)
        assert all(x.filters == 4 * squeeze.filters for x in expand)
        assert all(x.input is model.get_layer(f"{block}_squeeze_relu").output for x in expand)


def test_widths_are_those_of_table_1(build):
    model = build("squeezenet1_0")
    squeezes = [model.get_layer(f"{b}_squeeze_conv").filters for b in blocks("squeezenet1_0")]
    assert squeezes == [16, 16, 32, 32, 48, 48, 64, 64]


@pytest.mark.parametrize(
    ("name", "sizes"), [("squeezenet1_0", (54, 27, 13)), ("squeezenet1_1", (55, 27, 13))]
)
def test_pooling_rounds_up_in_front_of_each_stage(build, name, sizes):
    model = build(name)
    assert tuple(model.get_layer(f"stage{i}_pool").output.shape[1] for i in (1, 2, 3)) == sizes


def test_at_227_pixels_the_grids_are_those_of_the_paper(build):
    model = build("squeezenet1_0", input_shape=(227, 227, 3))
    ends = ["stem_conv", "stage1_pool", "stage2_pool", "stage3_pool"]
    assert [model.get_layer(end).output.shape[1] for end in ends] == [111, 55, 27, 13]


def test_the_bypass_passes_modules_3_5_7_and_9(build):
    model = build("squeezenet1_0_bypass")
    added = [x.name.removesuffix("_add") for x in model.layers if isinstance(x, layers.Add)]
    modules = [blocks("squeezenet1_0").index(block) + 2 for block in added]
    assert modules == [3, 5, 7, 9]


def test_about_50_times_fewer_parameters_than_alexnet(build):
    alexnet = count(build("alexnet")).params
    claim = CLAIMS["squeezenet_50x"]
    for name, ratio in (("squeezenet1_0", "ratio_v10"), ("squeezenet1_1", "ratio_v11")):
        # Written with two decimals.
        assert alexnet / count(build(name)).params == pytest.approx(claim[ratio], abs=0.01)


def test_there_is_no_dense_layer_and_the_class_maps_are_rectified(build):
    model = build("squeezenet1_1")
    assert not [x for x in model.layers if isinstance(x, layers.Dense)]
    assert model.get_layer("head_logits").input is model.get_layer("head_relu").output

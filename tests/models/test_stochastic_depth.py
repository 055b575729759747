"""Stochastic depth, arXiv:1603.09382."""

import pytest
from keras import layers

from kerascnn.layers import StochasticDepth


def survivals(build):
    model = build("resnet110_stochastic_depth")
    drops = [
        model.get_layer(f"stage{stage}_block{i}_drop") for stage in (1, 2, 3) for i in range(1, 19)
    ]
    assert len(drops) == len([x for x in model.layers if isinstance(x, StochasticDepth)])
    return [drop.survival for drop in drops]


def test_survival_decays_linearly_to_a_half(build):
    found = survivals(build)
    steps = [a - b for a, b in zip([1.0, *found], found, strict=False)]
    assert steps == pytest.approx([0.5 / 54] * 54)
    assert found[-1] == pytest.approx(0.5)


def test_40_of_54_blocks_are_alive_on_average(build):
    # Section 3: E(L) = (3L - 1) / 4.
    assert sum(survivals(build)) == pytest.approx((3 * 54 - 1) / 4)


def test_the_branch_is_dropped_and_the_shortcut_is_not(build):
    model = build("resnet110_stochastic_depth")
    branch, shortcut = model.get_layer("stage2_block1_add").input
    assert branch is model.get_layer("stage2_block1_drop").output
    assert shortcut is model.get_layer("stage2_block1_proj_pad").output
    assert (
        model.get_layer("stage2_block1_drop").input is model.get_layer("stage2_block1_2_bn").output
    )


def test_a_strided_shortcut_averages_2x2(build):
    pool = build("resnet110_stochastic_depth").get_layer("stage3_block1_proj_pool")
    assert isinstance(pool, layers.AveragePooling2D)
    assert pool.pool_size == pool.strides == (2, 2)
